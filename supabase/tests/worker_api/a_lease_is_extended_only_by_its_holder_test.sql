-- Long work renews its lease; only whoever holds it can.
begin;
select plan(10);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.order_video(tests.create_rich_user()) as task \gset
select tests.claim(:'task') as lease \gset

select tests.advance_time('50 seconds');
select is(
    worker_api.extend_lease(:'task', :'lease'),
    jsonb_build_object('result', 'applied', 'lease_expires_at', '2030-01-01T12:01:50+00:00'::timestamptz),
    'the holder has its lease for another period, from now'
);
select is((tests.job(:'task')).due_at, '2030-01-01 12:01:50+00', 'and the job is hidden until then');

select tests.advance_time('2 minutes');
select is(
    worker_api.extend_lease(:'task', :'lease') ->> 'result', 'applied',
    'a lease that ran out and was given to nobody else can still be extended'
);

select tests.changes_nothing(
    :'task', format('select worker_api.extend_lease(%L, %L)', :'task', gen_random_uuid()),
    '{"result": "lease_lost"}', 'another lease extends nothing'
);
select tests.changes_nothing(
    :'task', format('select worker_api.extend_lease(%L, null)', :'task'),
    '{"result": "lease_lost"}', 'nor does none'
);

select tests.advance_time('1 minute');
select tests.claim(:'task', 'worker-2') as second_lease \gset
select tests.changes_nothing(
    :'task', format('select worker_api.extend_lease(%L, %L)', :'task', :'lease'),
    '{"result": "lease_lost"}', 'once the job was handed out again the old lease is lost'
);
select is(worker_api.extend_lease(:'task', :'second_lease') ->> 'result', 'applied', 'the new one holds');

select tests.must_apply(worker_api.fail_video(:'task', :'second_lease', 'safety_filter', '{}'));
select tests.changes_nothing(
    :'task', format('select worker_api.extend_lease(%L, %L)', :'task', :'second_lease'),
    '{"result": "illegal_state", "status": "failed"}', 'an ended task has no lease'
);
select is(
    worker_api.extend_lease(gen_random_uuid(), :'lease'), '{"result": "illegal_state", "status": null}'::jsonb,
    'an unknown task neither'
);
select is(
    worker_api.extend_lease(null, null), '{"result": "illegal_state", "status": null}'::jsonb,
    'nor does no task'
);

select finish();
rollback;
