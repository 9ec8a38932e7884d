-- A download that fails is tried again 30 seconds later; after the third the credits go back, with an alert.
begin;
select plan(34);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
delete from private.alerts;
delete from private.file_jobs;
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(tests.create_rich_user()) as neighbour \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'poll') as lease \gset
select tests.must_apply(
    worker_api.record_poll(:'task', :'lease', 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}')
);
select tests.claim(:'task') as lease \gset
select tests.advance_time('10 seconds');

select is(
    worker_api.begin_transfer(:'task', :'lease'), '{"result": "applied", "download_attempt": 1}'::jsonb,
    'the first attempt is counted before it begins'
);
select is((tests.job(:'task')).due_at, '2030-01-01 12:01:10+00', 'its lease begins anew');
select tests.changes_nothing(
    :'task', format('select worker_api.begin_transfer(%L, %L)', :'task', :'lease'),
    '{"result": "already_applied", "download_attempt": 1}', 'repeating it counts nothing more'
);
select is(
    worker_api.fail_video(:'task', :'lease', 'download_failed', '{"code": "cut"}'),
    jsonb_build_object(
        'result', 'applied', 'status', 'downloading', 'retry_at', '2030-01-01T12:00:40+00:00'::timestamptz
    ),
    'a failed download is tried again in 30 seconds'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).lease_token)::text,
    row('transfer', '2030-01-01 12:00:40+00'::timestamptz, null::uuid)::text, 'by anybody'
);
select is((tests.job(:'task')).deadline_at, '2030-01-03 12:00:00+00', 'as long as the provider keeps the clip');
select is((tests.task(:'task')).retry_count, 1, 'the user sees how often it failed');
select is((tests.task(:'neighbour')).retry_count, 0, 'which another task did not');
select is(tests.refunds_of(:'task'), '{}', 'nothing is refunded yet');
select tests.changes_nothing(
    :'task', format($$select worker_api.fail_video(%L, %L, 'download_failed', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "downloading", "stage": "transfer"}', 'repeating it counts nothing more'
);

-- The second attempt dies with its worker: it counts, too ------------------------------------------------------------
select is(
    worker_api.begin_transfer(:'task', tests.claim(:'task')) ->> 'download_attempt', '2', 'the second attempt begins'
);
select tests.advance_time('61 seconds');
select tests.claim(:'task', 'worker-2') as lease \gset
select is(
    worker_api.begin_transfer(:'task', :'lease') ->> 'download_attempt', '3', 'after a crash the third one follows'
);
select is(
    worker_api.fail_video(:'task', :'lease', 'download_failed', '{"code": "cut"}'),
    '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb, 'its failure is the last'
);
select is((tests.task(:'task')).error_code, 'download_failed', 'the task failed');
select is((tests.task(:'task')).retry_count, 2, 'after two failed downloads that were reported');
select is(tests.refunds_of(:'task'), '{80}', 'the credits are back, once');
select is(tests.balance_of(:'user_id'), 10000, 'in the balance');
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).usd)::text, '(succeeded,6.00)',
    'the clip was made and paid'
);
select is(tests.spend_today(), 6.00, 'its USD stay booked');
select results_eq(
    $$select kind, severity, subject, details from private.alerts$$,
    format(
        $$values ('download_failed', 'critical', %L,
            '{"google_video_url": "gs://clips/1.mp4", "detail": {"code": "cut"}}'::jsonb)$$, :'task'
    ),
    'an alert says where the clip lies'
);
select results_eq(
    $$select kind, bucket, path, due_at from private.file_jobs order by id$$,
    format(
        $$values
        ('delete_google', null, %1$L, timestamptz '2030-01-03 12:00:00+00'),
        ('delete', 'videos', %2$L, private.now() + interval '10 minutes'),
        ('delete', 'videos', %3$L, private.now() + interval '10 minutes')$$,
        :'task' || '/1/', :'user_id' || '/' || :'task' || '.mp4', :'user_id' || '/' || :'task' || '.jpg'
    ),
    'it is kept there for a retry until it expires; halves of uploads are deleted'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.fail_video(%L, %L, 'download_failed', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'repeating it refunds nothing more'
);

-- A clip that kills its workers --------------------------------------------------------------------------------------
select tests.configure('video_download_attempts', '2');
select tests.order_video(:'user_id') as killer \gset
select tests.bring_to(:'killer', 'transfer');
select tests.advance_time('61 seconds');
select worker_api.begin_transfer(:'killer', tests.claim(:'killer'));
select tests.advance_time('61 seconds');
select tests.claim(:'killer') as lease \gset
select is(
    worker_api.begin_transfer(:'killer', :'lease'),
    '{"result": "illegal_state", "status": "failed", "stage": null}'::jsonb,
    'there is no attempt beyond the last, although none was reported'
);
select is((tests.task(:'killer')).error_code, 'download_failed', 'the task failed');
select is(tests.refunds_of(:'killer'), '{80}', 'the credits are back, once');
select is((select count(*) from private.alerts as a where a.subject = :'killer'), 1::bigint, 'an alert says so');
select tests.changes_nothing(
    :'killer', format('select worker_api.begin_transfer(%L, %L)', :'killer', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'repeating it refunds nothing more'
);

-- A file that is gone at the provider --------------------------------------------------------------------------------
select tests.order_video(:'user_id') as expired \gset
select tests.bring_to(:'expired', 'transfer') as lease \gset
select is(
    worker_api.fail_video(:'expired', :'lease', 'video_expired', '{"code": "404"}') ->> 'status', 'failed',
    'a clip that expired is not tried again'
);
select is((tests.task(:'expired')).error_code, 'video_expired', 'and says so');
select is(tests.refunds_of(:'expired'), '{80}', 'the credits are back, once');
select is((select a.kind from private.alerts as a where a.subject = :'expired'), 'video_expired', 'an alert says so');

-- Where a transfer cannot begin --------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as polling \gset
select tests.bring_to(:'polling', 'poll') as lease \gset
select tests.changes_nothing(
    :'polling', format('select worker_api.begin_transfer(%L, %L)', :'polling', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}',
    'there is nothing to transfer before the clip is made'
);
select tests.changes_nothing(
    :'polling', format($$select worker_api.fail_video(%L, %L, 'download_failed', '{}')$$, :'polling', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'nor to fail at'
);
select is(
    worker_api.begin_transfer(gen_random_uuid(), gen_random_uuid()),
    '{"result": "illegal_state", "status": null}'::jsonb,
    'an unknown task has no status'
);

select finish();
rollback;
