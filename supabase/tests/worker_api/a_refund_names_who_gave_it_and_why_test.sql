-- The books say who gave credits back and why, also where a verb of the worker ended a task by itself.
begin;
select plan(6);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
delete from private.model_brakes;
select tests.create_rich_user(10000) as user_id \gset

create function pg_temp.refund_of(p_task_id uuid) returns text
language sql
as $$
    select string_agg(t.actor || ': ' || t.reason, ', ')
    from public.credit_transactions as t
    where t.task_id = p_task_id and t.type = 'video_refund'
$$;

select tests.order_video(:'user_id') as late \gset
select tests.order_video(:'user_id') as refused \gset
select tests.advance_time('31 minutes');
select worker_api.begin_submit(:'late', tests.claim(:'late'));
select is(pg_temp.refund_of(:'late'), 'worker: timeout', 'a task that nobody began in time');

update private.video_jobs set deadline_at = private.now() where task_id = :'refused';
select tests.bring_to(:'refused', 'submitting');
select worker_api.requeue_submit(:'refused', 1, 'refused', '{}', null);
select is(pg_temp.refund_of(:'refused'), 'worker: provider_quota', 'one that the provider refused too long');
delete from private.model_brakes;

select tests.order_video(:'user_id') as lost \gset
select tests.bring_to(:'lost', 'reconcile') as lease \gset
select tests.advance_time('11 minutes');
select worker_api.record_poll(:'lost', :'lease', 'missing', '{}');
select is(pg_temp.refund_of(:'lost'), 'worker: submission_unknown', 'one whose clip nobody found');

select tests.order_video(:'user_id') as deadly \gset
select tests.bring_to(:'deadly', 'transfer');
update private.video_jobs set download_attempt = 3 where task_id = :'deadly';
select tests.advance_time('61 seconds');
select worker_api.begin_transfer(:'deadly', tests.claim(:'deadly'));
select is(pg_temp.refund_of(:'deadly'), 'worker: download_failed', 'one whose transfers all died');

select tests.order_video(:'user_id') as dear \gset
select tests.configure('video_daily_spend_cap_usd', '0');
select worker_api.begin_submit(:'dear', tests.claim(:'dear'));
select is(pg_temp.refund_of(:'dear'), 'worker: spend_cap', 'one that was too dear for the day');

select tests.configure('video_daily_spend_cap_usd', 'null');
select tests.order_video(:'user_id') as retired \gset
update public.video_models set paused_at = private.now(), pause_reason = 'gone';
select worker_api.begin_submit(:'retired', tests.claim(:'retired'));
select is(pg_temp.refund_of(:'retired'), 'worker: model_retired', 'one whose model is gone');

select finish();
rollback;
