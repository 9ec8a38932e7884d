-- SIGTERM: what a worker holds is due for others at once, except a create call in flight, whose outcome is not known.
begin;
select plan(17);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as waiting \gset
select tests.order_video(:'user_id') as submitting \gset
select tests.order_video(:'user_id') as reconciling \gset
select tests.order_video(:'user_id') as polling \gset
select tests.order_video(:'user_id') as transferring \gset
select tests.order_video(:'user_id') as foreign_task \gset
select tests.bring_to(:'transferring', 'transfer') as transfer_lease \gset
select tests.bring_to(:'polling', 'poll') as poll_lease \gset
select tests.bring_to(:'reconciling', 'reconcile') as reconcile_lease \gset
select tests.bring_to(:'submitting', 'submitting') as submitting_lease \gset
select tests.bring_to(:'waiting', 'submit') as submit_lease \gset
select tests.bring_to(:'foreign_task', 'submit', 'worker-2') as foreign_lease \gset
insert into private.file_jobs (kind, bucket, path) values ('delete', 'videos', 'a/b.mp4');
select worker_api.claim_file_jobs('worker-1', 1);

select tests.advance_time('20 seconds');
select is((tests.job(:'transferring')).download_attempt, 1, 'a transfer was begun');

select is(
    worker_api.release_leases('worker-1'), '{"result": "applied", "released": 4}'::jsonb,
    'it says how many jobs it gave back'
);
select is(
    (
        select array_agg(j.stage order by j.stage)
        from private.video_jobs as j
        where j.due_at = private.now() and j.lease_token is null and j.leased_by is null
    ),
    '{poll,reconcile,submit,transfer}', 'one of each stage is due for anybody, now'
);
select is((tests.job(:'submitting')).lease_token, :'submitting_lease', 'the create call in flight keeps its lease');
select is((tests.job(:'foreign_task')).lease_token, :'foreign_lease', 'so do the jobs of other workers');
select is((tests.job(:'transferring')).download_attempt, 0, 'the transfer that was cut short is not counted');
select is(
    (select row(f.lease_token, f.due_at)::text from private.file_jobs as f where f.path = 'a/b.mp4'),
    row(null::uuid, private.now())::text, 'file jobs are given back, too'
);
select is(
    worker_api.release_leases('worker-1'), '{"result": "applied", "released": 0}'::jsonb,
    'a second time there is nothing'
);
select is(worker_api.release_leases('nobody'), '{"result": "applied", "released": 0}'::jsonb, 'nor for a stranger');

-- The verdicts of the released leases are lost; the paid call's are not.
select tests.changes_nothing(
    :'polling', format($$select worker_api.record_poll(%L, %L, 'running', '{}')$$, :'polling', :'poll_lease'),
    '{"result": "lease_lost", "status": "processing", "stage": "poll"}', 'a released poll is lost'
);
select tests.changes_nothing(
    :'transferring',
    format('select worker_api.complete_video(%L, %L, tests.stored_video())', :'transferring', :'transfer_lease'),
    '{"result": "lease_lost", "status": "downloading", "stage": "transfer"}', 'so is a released transfer'
);
select tests.changes_nothing(
    :'waiting', format('select worker_api.begin_submit(%L, %L)', :'waiting', :'submit_lease'),
    '{"result": "lease_lost", "status": "pending", "stage": "submit"}', 'and a released submit'
);
select is(
    worker_api.record_operation(:'submitting', 1, 'operations/1') ->> 'result', 'applied',
    'the operation that was in flight is handed in'
);

-- Others go on.
select is(
    worker_api.begin_submit(:'waiting', tests.claim(:'waiting', 'worker-2')) ->> 'result', 'applied',
    'submit goes on'
);
select is(
    worker_api.record_poll(:'polling', tests.claim(:'polling', 'worker-2'), 'running', '{}') ->> 'result', 'applied',
    'poll goes on'
);
select tests.claim(:'transferring', 'worker-2') as transfer_lease \gset
select is(
    worker_api.begin_transfer(:'transferring', :'transfer_lease'),
    '{"result": "applied", "download_attempt": 1}'::jsonb,
    'the transfer begins again with its first attempt'
);
select worker_api.fail_video(:'transferring', :'transfer_lease', 'download_failed', '{}');
select tests.claim(:'transferring', 'worker-2');
select worker_api.release_leases('worker-2');
select is(
    (tests.job(:'transferring')).download_attempt, 1, 'a transfer given back before it began leaves the count alone'
);

select finish();
rollback;
