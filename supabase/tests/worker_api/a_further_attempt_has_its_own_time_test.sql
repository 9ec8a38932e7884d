-- The provider failed inside after a quarter of an hour: the next attempt may be refused as long as the first might.
begin;
select plan(4);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.advance_time('29 minutes');
select tests.bring_to(:'task', 'poll') as lease \gset
select tests.advance_time('10 minutes');
select tests.must_apply(worker_api.record_poll(:'task', :'lease', 'retryable', '{}'));
select tests.claim(:'task') as lease \gset
select tests.must_apply(worker_api.begin_submit(:'task', :'lease'));
select is(
    worker_api.requeue_submit(:'task', 2, 'refused', '{}', 60) ->> 'status', 'processing',
    'refused 39 minutes after the order, it goes back to the queue'
);
select is(
    (tests.job(:'task')).deadline_at, '2031-03-05 11:09:00+00'::timestamptz,
    'its half hour counts from the failure before it'
);
select tests.advance_time('29 minutes 30 seconds');
update private.model_brakes set paused_until = null;
select tests.claim(:'task') as lease \gset
select tests.must_apply(worker_api.begin_submit(:'task', :'lease'));
select is(
    worker_api.requeue_submit(:'task', 3, 'refused', '{}', 60) ->> 'status', 'failed', 'until that is over, too'
);
select is((tests.task(:'task')).error_code, 'provider_quota', 'then the provider was too busy');

select finish();
rollback;
