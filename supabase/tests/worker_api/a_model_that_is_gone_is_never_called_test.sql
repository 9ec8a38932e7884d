-- Retired, paused or switched off while a task waited: it ends with its credits back, and nothing was paid.
begin;
select plan(11);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.daily_spend;
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.order_video(:'user_id') as second_task \gset
select tests.order_video(:'user_id') as third_task \gset
select tests.order_video(:'user_id') as fourth_task \gset

update public.video_models set retires_at = '2030-01-01 12:00:00+00' where id = 'veo-3.1';
select tests.claim(:'task') as lease \gset
select is(
    worker_api.begin_submit(:'task', :'lease'),
    '{"result": "applied", "submit": false, "reason": "model_unavailable", "retry_at": null}'::jsonb,
    'a model is gone from the moment it retires'
);
select is(
    row((tests.task(:'task')).status, (tests.task(:'task')).error_code)::text, '(failed,model_retired)',
    'the task failed, and says why'
);
select is(tests.refunds_of(:'task'), '{80}', 'its credits are back, once');
select is(tests.job(:'task'), null, 'its job is gone');
select is(tests.call(:'task'), null, 'no call is in the books');
select is(tests.spend_today(), 0::numeric, 'no USD are booked');
select tests.changes_nothing(
    :'task', format('select worker_api.begin_submit(%L, %L)', :'task', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'a repeated call refunds nothing more'
);

update public.video_models set retires_at = null, paused_at = private.now(), pause_reason = 'test' where id = 'veo-3.1';
select is(
    worker_api.begin_submit(:'second_task', tests.claim(:'second_task')) ->> 'reason', 'model_unavailable',
    'so is one that is paused'
);
update public.video_models set paused_at = null, pause_reason = null, is_enabled = false where id = 'veo-3.1';
select is(
    worker_api.begin_submit(:'third_task', tests.claim(:'third_task')) ->> 'reason', 'model_unavailable',
    'and one that is switched off'
);
update public.video_models set is_enabled = true where id = 'veo-3.1';
delete from public.video_model_options where model = 'veo-3.1' and duration = 8;
select is(
    worker_api.begin_submit(:'fourth_task', tests.claim(:'fourth_task')) ->> 'reason', 'model_unavailable',
    'and one that no longer makes this kind of clip'
);
select is(tests.balance_of(:'user_id'), 10000, 'all credits are back');

select finish();
rollback;
