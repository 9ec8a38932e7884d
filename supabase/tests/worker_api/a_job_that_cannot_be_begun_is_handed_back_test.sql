-- Something that a worker needs is out of reach, and nothing is at stake yet: others need not wait for its lease.
begin;
select plan(11);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submit') as lease \gset

select is(
    worker_api.postpone_job(:'task', :'lease', 10),
    '{"result": "applied", "retry_at": "2031-03-05T10:00:10+00:00"}'::jsonb, 'it is due again when the worker says'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).lease_token, (tests.job(:'task')).due_at)::text,
    row('submit', null::uuid, '2031-03-05 10:00:10+00'::timestamptz)::text, 'in the same stage, in nobody''s hands'
);
select tests.changes_nothing(
    :'task', format('select worker_api.postpone_job(%L, %L, 10)', :'task', :'lease'),
    '{"result": "already_applied", "status": "pending", "stage": "submit"}', 'a lost reply may be repeated'
);
select tests.advance_time('10 seconds');
select tests.claim(:'task', 'worker-2') as second_lease \gset
select tests.changes_nothing(
    :'task', format('select worker_api.postpone_job(%L, %L, 10)', :'task', gen_random_uuid()),
    '{"result": "lease_lost", "status": "pending", "stage": "submit"}', 'somebody else''s job cannot be handed back'
);
select tests.changes_nothing(
    :'task', format('select worker_api.postpone_job(%L, null, 10)', :'task'),
    '{"result": "lease_lost", "status": "pending", "stage": "submit"}', 'nor without a lease'
);
select tests.must_apply(worker_api.begin_submit(:'task', :'second_lease'));
select tests.changes_nothing(
    :'task', format('select worker_api.postpone_job(%L, %L, 10)', :'task', :'second_lease'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'nor while a create call is in flight'
);
select is(
    worker_api.postpone_job(gen_random_uuid(), gen_random_uuid(), 10),
    '{"result": "illegal_state", "status": null}'::jsonb, 'no such task'
);

select tests.order_video(:'user_id') as bounded \gset
select tests.bring_to(:'bounded', 'transfer') as lease \gset
select is(
    worker_api.postpone_job(:'bounded', :'lease', 999999) ->> 'retry_at', '2031-03-05T11:00:10+00:00',
    'an hour at most'
);
select tests.claim(:'bounded') as lease \gset
select is(
    worker_api.postpone_job(:'bounded', :'lease', null) ->> 'retry_at', '2031-03-05T10:00:10+00:00',
    'at once by default'
);

-- The deadline stays.
select tests.order_video(:'user_id') as overdue \gset
select tests.bring_to(:'overdue', 'submit') as lease \gset
select tests.must_apply(worker_api.postpone_job(:'overdue', :'lease', 10));
select tests.advance_time('31 minutes');
select cmp_ok(private.sweep(), '>=', 1, 'nobody is put off for ever');
select is(tests.refunds_of(:'overdue'), '{80}', 'the credits come back');

select finish();
rollback;
