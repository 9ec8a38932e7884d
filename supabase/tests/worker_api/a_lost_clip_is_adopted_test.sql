-- Nobody knows the operation, but the clip lies under the attempt's prefix: it was paid for, so it is taken.
begin;
select plan(9);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.daily_spend;
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'reconcile') as lease \gset

select is(
    worker_api.record_poll(:'task', :'lease', 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}'),
    jsonb_build_object('result', 'applied', 'status', 'downloading', 'retry_at', private.now()),
    'a found clip is to be transferred'
);
select is(
    row(
        (tests.task(:'task')).status, (tests.task(:'task')).operation_id, (tests.task(:'task')).google_video_url
    )::text,
    row('downloading', 'adopted:' || :'task' || '/1/', 'gs://clips/1.mp4')::text,
    'its prefix serves as the name of its operation'
);
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).operation_id, (tests.call(:'task')).usd)::text,
    row('succeeded', 'adopted:' || :'task' || '/1/', 6.00)::text, 'its call succeeded'
);
select is((tests.job(:'task')).stage, 'transfer', 'its job goes on');
select tests.changes_nothing(
    :'task',
    format($$select worker_api.record_poll(%L, %L, 'succeeded', '{"google_video_url": "gs://x"}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "downloading", "stage": "transfer"}', 'repeating it is fine'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'refused', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "downloading", "stage": "transfer"}',
    'the slow worker cannot send it back any more'
);

select tests.order_video(:'user_id') as named \gset
select tests.bring_to(:'named', 'reconcile') as lease \gset
select tests.must_apply(worker_api.record_poll(
    :'named', :'lease', 'succeeded', '{"google_video_url": "gs://clips/2.mp4", "operation_id": "operations/found"}'
));
select is(
    (tests.task(:'named')).operation_id, 'operations/found',
    'the name of the operation is used where it is known'
);
select is((tests.call(:'named')).operation_id, 'operations/found', 'in the books, too');
select is(
    worker_api.record_operation(:'named', 1, 'operations/found') ->> 'result', 'already_applied',
    'and the slow worker is told that it is known'
);

select finish();
rollback;
