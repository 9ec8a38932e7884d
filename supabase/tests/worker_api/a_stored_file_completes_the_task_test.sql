-- The file is in Storage: the task is complete, its job gone, the provider's copy queued for deletion.
begin;
select plan(28);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.file_jobs;
select tests.create_rich_user(10000) as user_id \gset
select tests.bring_to(tests.order_video(tests.create_rich_user()), 'poll'); -- Somebody else's clip is being made.
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'transfer') as lease \gset
select tests.store_file(:'task');
select tests.advance_time('40 seconds');
select :'user_id' || '/' || :'task' as path \gset

select is(
    worker_api.complete_video(
        :'task', :'lease', tests.stored_video(jsonb_build_object('thumbnail_path', :'path' || '.jpg'))
    ),
    '{"result": "applied", "status": "completed"}'::jsonb, 'a stored file completes the task'
);
select is(
    (
        select to_jsonb(t)
        from (
            select
                h.status, h.permanent_video_url, h.thumbnail_url, h.file_size_bytes, h.sha256, h.width, h.height,
                h.video_duration, h.completed_at, h.downloaded_at, h.ended_at, h.error_code, h.refund_id
            from public.video_generation_history as h
            where h.id = :'task'
        ) as t
    ),
    jsonb_build_object(
        'status', 'completed', 'permanent_video_url', 'videos/' || :'path' || '.mp4',
        'thumbnail_url', 'videos/' || :'path' || '.jpg', 'file_size_bytes', 1000, 'sha256', repeat('ab', 32),
        'width', 1280, 'height', 720, 'video_duration', 8.0,
        'completed_at', '2030-01-01T12:00:40+00:00'::timestamptz,
        'downloaded_at', '2030-01-01T12:00:40+00:00'::timestamptz,
        'ended_at', '2030-01-01T12:00:40+00:00'::timestamptz, 'error_code', null, 'refund_id', null
    ),
    'the row says where and what it is'
);
select is(tests.job(:'task'), null, 'its job is gone');
select is(tests.balance_of(:'user_id'), 9920, 'its price stays paid');
select is(tests.refunds_of(:'task'), '{}', 'nothing is refunded');
select results_eq(
    'select kind, bucket, path, due_at from private.file_jobs',
    format($$values ('delete_google', null::text, %L, private.now())$$, :'task' || '/1/'),
    'its copy at the provider is deleted, now, and nobody else''s'
);
select is_empty('select * from private.audit_ledger()', 'the audit is clean');
select tests.act_as(:'user_id');
select public.get_video_status(:'task') -> 'video' as video \gset
select tests.stop_acting();
select is(
    :'video'::jsonb,
    jsonb_build_object(
        'bucket', 'videos', 'path', :'path' || '.mp4', 'thumbnail_path', :'path' || '.jpg', 'duration', 8,
        'width', 1280, 'height', 720, 'file_size_bytes', 1000
    ),
    'its owner sees it'
);

-- Afterwards nothing moves -------------------------------------------------------------------------------------------
select tests.changes_nothing(
    :'task', format('select worker_api.complete_video(%L, %L, tests.stored_video())', :'task', :'lease'),
    '{"result": "already_applied", "status": "completed"}', 'repeating it is fine'
);
select tests.changes_nothing(
    :'task',
    format('select worker_api.complete_video(%L, %L, tests.stored_video())', :'task', gen_random_uuid()),
    '{"result": "illegal_state", "status": "completed"}', 'another worker comes too late'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.fail_video(%L, %L, 'download_failed', '{}')$$, :'task', gen_random_uuid()),
    '{"result": "illegal_state", "status": "completed"}', 'a completed task cannot fail'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.fail_video(%L, %L, 'download_failed', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "completed"}', 'also not by the worker that completed it'
);
select tests.act_as(:'user_id');
select tests.throws_code(
    format('select public.cancel_video(%L)', :'task'), 'illegal_state', 'nor can its owner cancel it'
);
select tests.stop_acting();

-- A video without a poster is still the video that was paid for ------------------------------------------------------
select tests.order_video(:'user_id') as bare \gset
select tests.bring_to(:'bare', 'completed');
select is((tests.task(:'bare')).status, 'completed', 'a thumbnail is not needed');
select is((tests.task(:'bare')).thumbnail_url, null, 'and none is shown');

-- Only the copies that may exist are deleted -------------------------------------------------------------------------
select tests.order_video(:'user_id') as twice \gset
select tests.bring_to(:'twice', 'submitting');
select tests.must_apply(worker_api.requeue_submit(:'twice', 1, 'refused', '{}', null));
delete from private.model_brakes;
select tests.must_apply(worker_api.begin_submit(:'twice', tests.claim(:'twice')));
select tests.must_apply(worker_api.record_operation(:'twice', 2, 'operations/2'));
select tests.must_apply(
    worker_api.record_poll(:'twice', tests.claim(:'twice'), 'succeeded', '{"google_video_url": "gs://clips/2.mp4"}')
);
select tests.must_apply(worker_api.complete_video(:'twice', tests.claim(:'twice'), tests.stored_video()));
select results_eq(
    format($$select path from private.file_jobs where path like '%s%%'$$, :'twice'),
    array[:'twice' || '/2/'], 'a refused attempt left nothing to delete'
);

-- A file that cannot be ----------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as wrong \gset
select tests.bring_to(:'wrong', 'transfer') as lease \gset
prepare complete (jsonb) as select worker_api.complete_video(:'wrong', :'lease', tests.stored_video($1));
select throws_ok($$execute complete('{"size_bytes": 0}')$$, 23514, null, 'an empty file is refused');
select throws_ok($$execute complete('{"size_bytes": -1}')$$, 23514, null, 'so is less than nothing');
select throws_ok($$execute complete('{"size_bytes": null}')$$, 23514, null, 'a file without a size');
select throws_ok($$execute complete('{"sha256": null}')$$, 23514, null, 'without a checksum');
select throws_ok($$execute complete('{"sha256": "abc"}')$$, 23514, null, 'with half a checksum');
select throws_ok($$execute complete('{"width": 0}')$$, 23514, null, 'without a width');
select throws_ok($$execute complete('{"height": null}')$$, 23514, null, 'without a height');
select throws_ok($$execute complete('{"duration_seconds": 0}')$$, 23514, null, 'without a length');
select throws_ok(
    format('select worker_api.complete_video(%L, %L, null)', :'wrong', :'lease'), 23514, null, 'no file at all'
);
select is(
    row((tests.task(:'wrong')).status, (tests.job(:'wrong')).lease_token)::text,
    row('downloading', :'lease'::uuid)::text,
    'the task waits for a better one'
);
select tests.changes_nothing(
    :'wrong', format('select worker_api.complete_video(%L, %L, tests.stored_video())', :'wrong', gen_random_uuid()),
    '{"result": "lease_lost", "status": "downloading", "stage": "transfer"}', 'of the worker that holds it'
);
select is(
    worker_api.complete_video(gen_random_uuid(), gen_random_uuid(), tests.stored_video()),
    '{"result": "illegal_state", "status": null}'::jsonb, 'an unknown task has no status'
);

select finish();
rollback;
