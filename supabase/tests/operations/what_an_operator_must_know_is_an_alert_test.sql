begin;
select plan(22);

select tests.set_time('2031-03-05 10:00:00+00');
delete from private.alerts;
delete from private.video_jobs;
delete from private.daily_spend;
delete from private.worker_heartbeats;
update public.video_models set price_checked_at = private.now(), retires_at = null;
select tests.create_rich_user(1000) as user_id \gset

create function pg_temp.conditions() returns text
language sql
as $$
    select coalesce(string_agg(concat_ws(' ', c.kind, c.severity, c.subject), ', ' order by c.kind, c.subject), '')
    from private.conditions() as c
$$;

select is(pg_temp.conditions(), '', 'nothing to know while nothing happens');

-- Workers and queue --------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as task \gset
select tests.advance_time('30 seconds');
select is(pg_temp.conditions(), '', 'a job that waits for three ticks is not late');
select tests.advance_time('1 second');
select is(pg_temp.conditions(), 'queue_late warning queue', 'longer is');
select tests.advance_time('150 seconds');
select is(
    pg_temp.conditions(), 'queue_late warning queue, worker_silent critical workers',
    'no worker was heard of for three leases, and somebody waits'
);
select worker_api.heartbeat('worker-1', '1', '{}');
select is(pg_temp.conditions(), 'queue_late warning queue', 'a worker that lives is not silent');
select tests.claim(:'task') as lease \gset
select is(pg_temp.conditions(), '', 'what somebody holds is not late');
select tests.advance_time('1 day');
delete from private.video_jobs;
select is(pg_temp.conditions(), '', 'without work silence is no alarm');

-- pg_cron, noticed by a worker ---------------------------------------------------------------------------------------
delete from private.worker_heartbeats;
select worker_api.heartbeat('worker-1', '1', '{}');
select tests.advance_time('180 seconds');
select worker_api.heartbeat('worker-1', '1', '{}');
select is((select count(*) from private.alerts), 0::bigint, 'a worker that has just come does not know yet');
select tests.advance_time('1 second');
select worker_api.heartbeat('worker-1', '1', '{}');
select is(
    (select row(a.kind, a.severity, a.subject)::text from private.alerts as a), '(cron_silent,critical,pg_cron)',
    'then it says that pg_cron has never ticked'
);
select private.tick();
delete from private.alerts;
select tests.advance_time('180 seconds');
select worker_api.heartbeat('worker-1', '1', '{}');
select is((select count(*) from private.alerts), 0::bigint, 'a tick is a sign of life');
select tests.advance_time('1 second');
select worker_api.heartbeat('worker-1', '1', '{}');
select worker_api.heartbeat('worker-1', '1', '{}');
select is(
    (select row(a.kind, a.occurrences)::text from private.alerts as a), '(cron_silent,2)', 'until it is too old'
);

-- Money --------------------------------------------------------------------------------------------------------------
insert into private.daily_spend (day, usd) values ('2031-03-06', 49.99), ('2031-03-05', 1000);
select is(pg_temp.conditions(), '', 'without a cap and without a limit nothing is said');
select tests.configure('video_daily_spend_cap_usd', '100');
select is(pg_temp.conditions(), '', 'below half of the cap neither, and yesterday does not count');
update private.daily_spend set usd = 50 where day = '2031-03-06';
select is(pg_temp.conditions(), 'spend_at_50_percent info 2031-03-06', 'half of it');
update private.daily_spend set usd = 80 where day = '2031-03-06';
select is(
    pg_temp.conditions(), 'spend_at_50_percent info 2031-03-06, spend_at_80_percent warning 2031-03-06', 'four fifths'
);
update private.daily_spend set usd = 100 where day = '2031-03-06';
select matches(pg_temp.conditions(), 'spend_at_100_percent critical 2031-03-06', 'all of it');
select tests.configure('video_daily_spend_cap_usd', 'null');
select tests.configure('video_daily_cost_alert_usd', '100');
select is(pg_temp.conditions(), 'spend_above_alert warning 2031-03-06', 'the amount that an operator wants to hear of');
delete from private.daily_spend;

-- Clips --------------------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as clip \gset
select tests.bring_to(:'clip', 'transfer');
update private.video_jobs set deadline_at = private.now() + interval '6 hours' where task_id = :'clip';
select is(pg_temp.conditions(), '', 'six hours are enough');
select tests.advance_time('1 minute');
select is(pg_temp.conditions(), 'expiry_near critical ' || :'clip', 'less is near its end');
delete from private.video_jobs;

-- Catalogue ----------------------------------------------------------------------------------------------------------
update public.video_models set retires_at = private.now() + interval '30 days' - interval '1 second'
where id in ('veo-3.1', 'gemini-omni');
select is(pg_temp.conditions(), 'model_retiring warning veo-3.1', 'a model on sale that retires within 30 days');
update public.video_models set retires_at = null;
update public.video_models set price_checked_at = private.now() - interval '1 month 1 second' where id = 'veo-3.1';
update public.video_models set price_checked_at = null where id = 'veo-3.1-fast';
select is(
    pg_temp.conditions(), 'price_not_checked info veo-3.1, price_not_checked info veo-3.1-fast',
    'a price that nobody confirmed for a month, or ever'
);

delete from private.alerts;
select private.watch();
select private.watch();
select is(
    (select jsonb_agg(jsonb_build_array(a.kind, a.subject, a.occurrences) order by a.subject) from private.alerts as a),
    '[["price_not_checked", "veo-3.1", 2], ["price_not_checked", "veo-3.1-fast", 2]]',
    'each is one alert, however often one looks'
);

select finish();
rollback;
