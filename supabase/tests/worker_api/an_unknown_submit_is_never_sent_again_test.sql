-- A time-out or a dropped connection may have been accepted: the clip is looked for, and the call never repeated.
begin;
select plan(27);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submitting') as lease \gset
select tests.advance_time('30 seconds');

select is(
    worker_api.requeue_submit(:'task', 1, 'unknown', '{"code": "timeout"}', null),
    jsonb_build_object('result', 'applied', 'status', 'pending', 'retry_at', '2030-01-01T12:00:40+00:00'::timestamptz),
    'an unknown outcome is noted'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).deadline_at)::text,
    row('reconcile', '2030-01-01 12:00:40+00'::timestamptz, '2030-01-01 12:10:30+00'::timestamptz)::text,
    'its clip is looked for, until a deadline'
);
select is((tests.call(:'task')).outcome, 'unknown', 'the call is in the books as unknown');
select is((tests.call(:'task')).detail, '{"code": "timeout"}'::jsonb, 'with what happened');
select is(tests.spend_today(), 6.00, 'its USD stay booked: it may have been paid');
select is((tests.job(:'task')).lease_token, null, 'the lease is over');
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'unknown', '{}', null)$$, :'task'),
    '{"result": "already_applied", "status": "pending", "stage": "reconcile"}', 'repeating it is fine'
);
select tests.advance_time('10 seconds');
select is(
    (select c ->> 'stage' from worker_api.claim_jobs('w', 50, 0, 0) as c where c ->> 'task_id' = :'task'), null,
    'it is never handed out to be submitted'
);
select tests.claim(:'task') as lease \gset

-- Looking ------------------------------------------------------------------------------------------------------------
select is(
    worker_api.record_poll(:'task', :'lease', 'missing', '{}'),
    jsonb_build_object('result', 'applied', 'status', 'pending', 'retry_at', '2030-01-01T12:00:50+00:00'::timestamptz),
    'an empty prefix is looked at again later'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "pending", "stage": "reconcile"}', 'repeating it is fine'
);
select is((tests.job(:'task')).deadline_at, '2030-01-01 12:10:30+00', 'looking does not move the deadline');
select tests.claim(:'task') as lease \gset
select is(
    worker_api.record_poll(:'task', :'lease', 'unavailable', '{}') ->> 'result', 'applied',
    'neither does a provider that does not answer'
);
select tests.claim(:'task') as lease \gset
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'running', '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "pending", "stage": "reconcile"}', 'what has no operation does not run'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'retryable', '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "pending", "stage": "reconcile"}', 'nor is it tried again'
);

-- The end of the search ----------------------------------------------------------------------------------------------
select tests.set_time('2030-01-01 12:10:30+00');
select is(
    worker_api.record_poll(:'task', :'lease', 'missing', '{}') ->> 'status', 'pending', 'at the deadline it still waits'
);
select tests.claim(:'task') as lease \gset
select tests.set_time('2030-01-01 12:10:30.001+00');
select is(
    worker_api.record_poll(:'task', :'lease', 'missing', '{"code": "empty"}'),
    '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb, 'after it the task ends'
);
select is((tests.task(:'task')).error_code, 'submission_unknown', 'and says why');
select is(tests.refunds_of(:'task'), '{80}', 'its credits are back, once');
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).usd)::text, '(unknown,6.00)',
    'the call stays unknown, and paid as far as we know'
);
select is(tests.spend_today(), 6.00, 'its USD stay booked');
select is(
    (select f.due_at from private.file_jobs as f where f.kind = 'delete_google' and f.path = :'task' || '/1/'),
    private.now() + interval '15 minutes', 'what may still appear there is deleted later'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'repeating it refunds nothing more'
);

-- Told by a worker that lost its lease -------------------------------------------------------------------------------
select tests.order_video(:'user_id') as slow \gset
select tests.bring_to(:'slow', 'submitting') as old_lease \gset
select tests.advance_time('61 seconds');
select tests.claim(:'slow', 'worker-2') as looking \gset
select is(
    worker_api.requeue_submit(:'slow', 1, 'unknown', '{}', null) ->> 'result', 'applied',
    'a slow worker says what it knows'
);
select is((tests.job(:'slow')).lease_token, :'looking', 'and takes nothing from who is looking');
select is(
    worker_api.requeue_submit(:'slow', 1, 'refused', '{}', null) ->> 'status', 'pending',
    'if it learns that the call was refused, the task is submitted again'
);
select is((tests.job(:'slow')).stage, 'submit', 'by whoever claims it');
select tests.changes_nothing(
    :'slow', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'slow', :'looking'),
    '{"result": "lease_lost", "status": "pending", "stage": "submit"}', 'who was looking lost its lease'
);

select finish();
rollback;
