-- What the provider accepted was paid for: it is taken from the slowest worker, and its id is never lost.
begin;
select plan(28);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
select tests.create_rich_user(10000) as user_id \gset

-- The usual way ------------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submitting') as lease \gset
select tests.advance_time('5 seconds');
select is(
    worker_api.record_operation(:'task', 1, 'operations/1'), '{"result": "applied", "status": "processing"}'::jsonb,
    'the operation of the attempt is recorded'
);
select is(
    row((tests.task(:'task')).status, (tests.task(:'task')).operation_id)::text, '(processing,operations/1)',
    'the task is processing'
);
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).operation_id, (tests.call(:'task')).ended_at)::text,
    '(accepted,operations/1,)', 'the call is in the books as accepted'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).deadline_at)::text,
    row('poll', '2030-01-01 12:00:15+00'::timestamptz, '2030-01-01 12:15:05+00'::timestamptz)::text,
    'it is polled after the interval, until the deadline of a generation'
);
select is((tests.job(:'task')).lease_token, null, 'the lease is over');
select is(tests.spend_today(), 6.00, 'its USD stay booked');
select tests.changes_nothing(
    :'task', format($$select worker_api.record_operation(%L, 1, 'operations/1')$$, :'task'),
    '{"result": "already_applied", "status": "processing", "stage": "poll"}', 'repeating it is fine'
);

-- A slow worker ------------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as slow \gset
select tests.bring_to(:'slow', 'submitting') as slow_lease \gset
select tests.advance_time('61 seconds');
select tests.claim(:'slow', 'worker-2') as looking \gset
select is(
    worker_api.record_operation(:'slow', 1, 'operations/2') ->> 'result', 'applied',
    'a worker whose lease was lost still hands in its operation'
);
select is((tests.job(:'slow')).stage, 'poll', 'and the task goes on');
select tests.changes_nothing(
    :'slow', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'slow', :'looking'),
    '{"result": "lease_lost", "status": "processing", "stage": "poll"}', 'who was looking for the clip lost its lease'
);
select tests.changes_nothing(
    :'slow',
    format(
        $$select worker_api.record_poll(%L, %L, 'succeeded', '{"google_video_url": "gs://x"}')$$, :'slow', :'looking'
    ),
    '{"result": "lease_lost", "status": "processing", "stage": "poll"}', 'also if it found one'
);

select tests.order_video(:'user_id') as unknown_first \gset
select tests.bring_to(:'unknown_first', 'reconcile');
select is(
    worker_api.record_operation(:'unknown_first', 1, 'operations/3') ->> 'result', 'applied',
    'an operation that turns up after the outcome was called unknown is taken'
);
select is((tests.call(:'unknown_first')).outcome, 'accepted', 'the call is accepted after all');

-- What is not an operation of this task ------------------------------------------------------------------------------
select tests.order_video(:'user_id') as other \gset
select tests.bring_to(:'other', 'submitting');
select tests.must_apply(worker_api.requeue_submit(:'other', 1, 'refused', '{}', null));
delete from private.model_brakes;
select tests.must_apply(worker_api.begin_submit(:'other', tests.claim(:'other')));
select tests.changes_nothing(
    :'other', format($$select worker_api.record_operation(%L, 3, 'operations/4')$$, :'other'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'an attempt that was never begun'
);
select tests.changes_nothing(
    :'other', format($$select worker_api.record_operation(%L, 2, '')$$, :'other'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'an operation without a name'
);
select tests.changes_nothing(
    :'other', format('select worker_api.record_operation(%L, 2, null)', :'other'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'no operation'
);
select tests.changes_nothing(
    :'other', format($$select worker_api.record_operation(%L, null, 'operations/4')$$, :'other'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'no attempt'
);
select is(
    worker_api.record_operation(gen_random_uuid(), 1, 'operations/4'),
    '{"result": "illegal_state", "status": null, "stage": null}'::jsonb, 'an unknown task'
);
select is(
    worker_api.record_operation(:'other', 2, 'operations/1') ->> 'result', 'illegal_state',
    'the operation of another task'
);
select is(
    row((tests.call(:'other', 2)).outcome, (tests.call(:'other', 2)).operation_id)::text, '(in_flight,)',
    'is not recorded as its own'
);
select is(
    (tests.call(:'other', 2)).detail, '{"further_operation_id": "operations/1"}'::jsonb, 'but kept for the books'
);
select is((tests.call(:'other', 1)).detail, '{}', 'at no other attempt');

-- Two names for one attempt ------------------------------------------------------------------------------------------
select is(
    worker_api.record_operation(:'task', 1, 'operations/5') ->> 'result', 'illegal_state',
    'an attempt has one operation'
);
select is((tests.task(:'task')).operation_id, 'operations/1', 'the first');
select is(
    (tests.call(:'task')).detail, '{"further_operation_id": "operations/5"}'::jsonb, 'the other is kept for the books'
);
select is((tests.call(:'slow')).detail, '{}', 'at no other task''s attempt');

select tests.order_video(:'user_id') as adopted \gset
select tests.bring_to(:'adopted', 'reconcile') as lease \gset
select tests.must_apply(
    worker_api.record_poll(:'adopted', :'lease', 'succeeded', '{"google_video_url": "gs://clips/2.mp4"}')
);
select is(
    worker_api.record_operation(:'adopted', 1, 'operations/6'),
    '{"result": "illegal_state", "status": "downloading", "stage": "transfer"}'::jsonb,
    'the operation of a clip that was adopted meanwhile changes nothing'
);
select is(
    (tests.call(:'adopted')).detail ->> 'further_operation_id', 'operations/6', 'but its name is kept for the books'
);

select finish();
rollback;
