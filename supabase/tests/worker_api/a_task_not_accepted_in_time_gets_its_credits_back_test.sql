-- The submit deadline: a task that no worker could hand over ends, even in the hands of a worker.
begin;
select plan(12);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_submit_deadline_seconds', '600');
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.order_video(:'user_id') as refused_task \gset
select is((tests.job(:'task')).deadline_at, '2030-01-01 12:10:00+00', 'the deadline counts from the order');
select tests.bring_to(:'refused_task', 'submitting');
select tests.must_apply(worker_api.requeue_submit(:'refused_task', 1, 'refused', '{"code": "429"}', null));
delete from private.model_brakes;

select tests.set_time('2030-01-01 12:10:00+00');
select tests.order_video(:'user_id') as punctual \gset
update private.video_jobs set deadline_at = private.now() where task_id = :'punctual';
select is(
    worker_api.begin_submit(:'punctual', tests.claim(:'punctual')) -> 'submit', 'true'::jsonb,
    'at the deadline itself it still goes'
);

select tests.set_time('2030-01-01 12:10:00.001+00');
select tests.claim(:'task') as lease \gset
select is(
    worker_api.begin_submit(:'task', :'lease'),
    '{"result": "applied", "submit": false, "reason": "submit_deadline", "retry_at": null}'::jsonb,
    'after it the worker is told to forget the job'
);
select is((tests.task(:'task')).error_code, 'timeout', 'a task that simply waited too long has a timeout');
select is(tests.refunds_of(:'task'), '{80}', 'its credits are back, once');
select is(tests.job(:'task'), null, 'its job is gone');
select is(tests.call(:'task'), null, 'it was never called for');
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'a repeated call refunds nothing more'
);

select is(
    worker_api.begin_submit(:'refused_task', tests.claim(:'refused_task')) ->> 'reason', 'submit_deadline',
    'so does one that the provider refused before'
);
select is((tests.task(:'refused_task')).error_code, 'provider_quota', 'and it says that the provider was too busy');
select is(tests.refunds_of(:'refused_task'), '{80}', 'its credits are back, once');
select is((tests.call(:'refused_task')).outcome, 'refused', 'its call stays in the books as refused');

select finish();
rollback;
