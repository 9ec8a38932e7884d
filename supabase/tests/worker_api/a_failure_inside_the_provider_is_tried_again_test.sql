-- Operation errors 8, 13 and 14 are not the user's fault: a further attempt, up to video_submit_attempts.
begin;
select plan(20);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.daily_spend;
delete from private.model_brakes;
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'poll') as lease \gset
select tests.advance_time('1 minute');

select is(
    worker_api.record_poll(:'task', :'lease', 'retryable', '{"code": "13"}'),
    jsonb_build_object(
        'result', 'applied', 'status', 'processing', 'retry_at', '2030-01-01T12:01:05+00:00'::timestamptz
    ),
    'the task is to be submitted again, after a short pause'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).submit_attempt, (tests.job(:'task')).deadline_at)::text,
    row('submit', 1, '2030-01-01 12:31:00+00'::timestamptz)::text, 'within a new submit deadline'
);
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).usd, (tests.call(:'task')).detail)::text,
    row('failed', 0, '{"code": "13"}'::jsonb)::text, 'the first call failed, and cost nothing'
);
select is(tests.spend_today(), 0.00, 'its USD are back');
select is((tests.task(:'task')).status, 'processing', 'for its user the task is still processing');
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'retryable', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "processing", "stage": "submit"}', 'repeating it counts nothing more'
);
select tests.act_as(:'user_id');
select tests.throws_code(
    format('select public.cancel_video(%L)', :'task'), 'illegal_state', 'it cannot be cancelled any more'
);
select tests.stop_acting();

select is(
    worker_api.begin_submit(:'task', tests.claim(:'task')),
    jsonb_build_object('result', 'applied', 'submit', true, 'submit_attempt', 2, 'output_prefix', :'task' || '/2/'),
    'the second attempt has a place of its own'
);
select is(
    worker_api.record_operation(:'task', 2, 'operations/second') ->> 'result', 'applied', 'it is accepted'
);
select is((tests.task(:'task')).operation_id, 'operations/second', 'the task has the new operation');
select is((tests.call(:'task', 1)).operation_id, 'operations/' || :'task', 'the first is still in the books');
select tests.must_apply(worker_api.record_poll(:'task', tests.claim(:'task'), 'retryable', '{"code": "14"}'));
select tests.must_apply(worker_api.begin_submit(:'task', tests.claim(:'task')));
select tests.must_apply(worker_api.record_operation(:'task', 3, 'operations/third'));

select tests.claim(:'task') as lease \gset
select is(
    worker_api.record_poll(:'task', :'lease', 'retryable', '{"code": "8"}'),
    '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb, 'the third failure is the last'
);
select is((tests.task(:'task')).error_code, 'provider_error', 'the task failed');
select is(
    (
        select array_agg(row(t.amount, t.actor, t.reason)::text)
        from public.credit_transactions as t
        where t.task_id = :'task' and t.type = 'video_refund'
    ),
    '{"(80,worker,provider_error)"}', 'its credits are back, once, and the ledger says by whom and why'
);
select is(
    (select array_agg(c.outcome) from private.provider_calls as c where c.task_id = :'task'), '{failed,failed,failed}',
    'three calls failed'
);
select is(tests.spend_today(), 0.00, 'none of them cost anything');
select is(
    (select array_agg(f.path order by f.path) from private.file_jobs as f where f.kind = 'delete_google'),
    array[:'task' || '/1/', :'task' || '/2/', :'task' || '/3/'], 'what may lie in their places is deleted'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'retryable', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'repeating it refunds nothing more'
);

select tests.order_video(:'user_id') as second_task \gset
select is(
    worker_api.record_poll(:'second_task', tests.bring_to(:'second_task', 'poll'), 'retryable', '{}') ->> 'status',
    'processing', 'each task has its own attempts'
);
select tests.configure('video_submit_attempts', '1');
select tests.order_video(:'user_id') as third_task \gset
select is(
    worker_api.record_poll(:'third_task', tests.bring_to(:'third_task', 'poll'), 'retryable', '{}') ->> 'status',
    'failed', 'the number of attempts is configured'
);

select finish();
rollback;
