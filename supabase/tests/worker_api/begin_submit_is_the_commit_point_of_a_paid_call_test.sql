-- Before the provider is called once, the attempt, its cost and its place are committed.
begin;
select plan(22);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.daily_spend;
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video_of(:'user_id', 6, '1080p') as task \gset
select tests.claim(:'task') as lease \gset
select tests.advance_time('5 seconds');

select is(
    worker_api.begin_submit(:'task', :'lease'),
    jsonb_build_object('result', 'applied', 'submit', true, 'submit_attempt', 1, 'output_prefix', :'task' || '/1/'),
    'the worker may call once, for this attempt and into this prefix'
);
select is((tests.job(:'task')).stage, 'submitting', 'the call counts as in flight');
select is((tests.job(:'task')).submit_attempt, 1, 'it is the first attempt');
select is((tests.job(:'task')).due_at, '2030-01-01 12:01:05+00', 'the lease begins anew');
select is((tests.job(:'task')).deadline_at, '2030-01-01 12:10:05+00', 'if it gets lost, it is looked for so long');
select is((tests.task(:'task')).status, 'pending', 'the task is pending until the provider accepts');
select is(
    to_jsonb(tests.call(:'task')),
    jsonb_build_object(
        'task_id', :'task'::uuid, 'attempt', 1, 'model', 'veo-3.1', 'provider', 'vertex',
        'provider_model', 'veo-3.1-generate-001', 'output_prefix', :'task' || '/1/', 'operation_id', null,
        'outcome', 'in_flight', 'usd', 4.50, 'day', '2030-01-01', 'detail', '{}'::jsonb,
        'created_at', '2030-01-01T12:00:05+00:00'::timestamptz, 'ended_at', null
    ),
    'the call is in the books, with what it costs'
);
select is(tests.spend_today(), 4.50, 'its USD are booked for the UTC day');
select is(tests.balance_of(:'user_id'), 910, 'the credits stay deducted');

select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', :'lease'),
    jsonb_build_object(
        'result', 'already_applied', 'submit', true, 'submit_attempt', 1, 'output_prefix', :'task' || '/1/'
    ),
    'a repeated call, whose answer was lost, is told the same attempt'
);
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', gen_random_uuid()),
    '{"result": "lease_lost", "status": "pending", "stage": "submitting"}', 'another lease may not call'
);

-- The lease ran out, another worker looks for the clip.
select tests.advance_time('61 seconds');
select tests.claim(:'task', 'worker-2') as second_lease \gset
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', :'lease'),
    '{"result": "lease_lost", "status": "pending", "stage": "reconcile"}', 'a slow worker may not begin again'
);
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', :'second_lease'),
    '{"result": "illegal_state", "status": "pending", "stage": "reconcile"}', 'nor may who only looks'
);

-- Other stages and states.
select tests.must_apply(worker_api.record_operation(:'task', 1, 'operations/1'));
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', tests.claim(:'task')),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'an accepted task is not submitted'
);
select tests.order_video(:'user_id') as cancelled \gset
select tests.claim(:'cancelled') as lease \gset
select tests.act_as(:'user_id');
select public.cancel_video(:'cancelled');
select tests.stop_acting();
select tests.changes_nothing(
    :'cancelled', format('select worker_api.begin_submit(%L, %L)', :'cancelled', :'lease'),
    '{"result": "illegal_state", "status": "cancelled"}', 'nor a task that its user cancelled meanwhile'
);
select is(tests.call(:'cancelled'), null, 'and the provider is never paid for it');
select is(
    worker_api.begin_submit(gen_random_uuid(), gen_random_uuid()), '{"result": "illegal_state", "status": null}'::jsonb,
    'an unknown task has no status'
);
select is(worker_api.begin_submit(null, null), '{"result": "illegal_state", "status": null}'::jsonb, 'nor has no task');
select tests.order_video(:'user_id') as unclaimed \gset
select tests.changes_nothing(
    :'unclaimed', format('select worker_api.begin_submit(%L, null)', :'unclaimed'),
    '{"result": "lease_lost", "status": "pending", "stage": "submit"}', 'nobody may begin a job that nobody claimed'
);

-- The price of the day of the call counts, not that of the order.
insert into public.video_model_options (
    model, resolution, duration, valid_from, usd_per_second, typical_seconds, slow_seconds
)
values ('veo-3.1', '720p', 8, '2030-01-01 13:00:00+00', 0.5, 60, 180);
select tests.set_time('2030-01-01 12:10:00+00');
select worker_api.begin_submit(:'unclaimed', tests.claim(:'unclaimed'));
select is((tests.call(:'unclaimed')).usd, 6.00, 'a call costs what its day says');
select tests.order_video(:'user_id') as later \gset
select tests.set_time('2030-01-02 00:00:00+00');
update private.video_jobs set deadline_at = private.now() where task_id = :'later';
select worker_api.begin_submit(:'later', tests.claim(:'later'));
select is((tests.call(:'later')).usd, 4.00, 'a new price counts from its day on');
select is(tests.spend_today(), 4.00, 'and the new UTC day begins with nothing');

select finish();
rollback;
