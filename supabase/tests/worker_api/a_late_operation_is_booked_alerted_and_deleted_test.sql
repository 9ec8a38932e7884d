-- The credits went back, and then the provider turns out to have accepted: the money is gone, and it shows.
begin;
select plan(23);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
delete from private.alerts;
delete from private.file_jobs;
select tests.create_rich_user(10000) as user_id \gset

-- After the search was given up --------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'reconcile') as lease \gset
select tests.advance_time('11 minutes');
select tests.must_apply(worker_api.record_poll(:'task', :'lease', 'missing', '{}'));
select is((tests.task(:'task')).error_code, 'submission_unknown', 'nobody found the clip');
select is(tests.spend_today(), 6.00, 'its USD may have been spent');
delete from private.file_jobs;

select is(
    worker_api.record_operation(:'task', 1, 'operations/1'),
    '{"result": "illegal_state", "status": "failed", "stage": null}'::jsonb, 'the worker is told that it came too late'
);
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).operation_id, (tests.call(:'task')).usd)::text,
    '(late,operations/1,6.00)', 'the call is in the books as late, with its operation'
);
select is(tests.spend_today(), 6.00, 'its USD are booked once');
select is((tests.task(:'task')).status, 'failed', 'the task stays failed');
select is(tests.refunds_of(:'task'), '{80}', 'and refunded once');
select results_eq(
    $$select kind, severity, subject, details from private.alerts$$,
    format(
        $$values ('late_result', 'warning', %L, '{"attempt": 1, "operation_id": "operations/1"}'::jsonb)$$, :'task'
    ),
    'an alert says so'
);
select results_eq(
    $$select kind, bucket, path, due_at from private.file_jobs$$,
    format($$values ('delete_google', null::text, %L, private.now() + interval '15 minutes')$$, :'task' || '/1/'),
    'its clip is deleted once it must be there'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_operation(%L, 1, 'operations/1')$$, :'task'),
    '{"result": "already_applied", "status": "failed", "stage": null}', 'repeating it is fine'
);

-- After the call was taken for rejected ------------------------------------------------------------------------------
select tests.order_video(:'user_id') as rejected \gset
select tests.bring_to(:'rejected', 'submitting') as lease \gset
select tests.must_apply(worker_api.fail_video(:'rejected', :'lease', 'invalid_request', '{}'));
select is(tests.spend_today(), 6.00, 'a rejected call gave its USD back');
select is(
    worker_api.record_operation(:'rejected', 1, 'operations/2') ->> 'result', 'illegal_state',
    'and was accepted after all'
);
select is(tests.spend_today(), 12.00, 'its USD are booked again');
select is(
    row((tests.call(:'rejected')).outcome, (tests.call(:'rejected')).usd)::text, '(late,6.00)', 'the call shows them'
);
select is(
    (select count(*) from private.alerts as a where a.subject = :'rejected'), 1::bigint, 'an alert says so'
);

-- An attempt that was refused, while the task goes on ----------------------------------------------------------------
select tests.order_video(:'user_id') as refused \gset
select tests.bring_to(:'refused', 'submitting');
select tests.must_apply(worker_api.requeue_submit(:'refused', 1, 'refused', '{}', null));
delete from private.model_brakes;
select is(tests.spend_today(), 12.00, 'a refused call gave its USD back');
select is(
    worker_api.record_operation(:'refused', 1, 'operations/3'),
    '{"result": "illegal_state", "status": "pending", "stage": "submit"}'::jsonb,
    'an operation of the refused attempt is not the one the task waits for'
);
select is(tests.spend_today(), 18.00, 'but it is booked');
select is((tests.task(:'refused')).operation_id, null, 'the task has none yet');
select worker_api.begin_submit(:'refused', tests.claim(:'refused'));
select is(
    worker_api.record_operation(:'refused', 2, 'operations/4') ->> 'result', 'applied',
    'and takes that of its next attempt'
);

-- A verdict of the provider while its answer was still on the way ----------------------------------------------------
select tests.order_video(:'user_id') as filtered \gset
select tests.bring_to(:'filtered', 'reconcile') as lease \gset
select tests.must_apply(worker_api.fail_video(:'filtered', :'lease', 'provider_error', '{}'));
select worker_api.record_operation(:'filtered', 1, 'operations/5');
select is((tests.call(:'filtered')).outcome, 'late', 'whatever ended the task, the late answer is booked');
select is((tests.call(:'filtered')).usd, 6.00, 'with its USD');
select is(
    (select count(*) from private.alerts as a where a.subject = :'filtered'), 1::bigint, 'and an alert'
);

select finish();
rollback;
