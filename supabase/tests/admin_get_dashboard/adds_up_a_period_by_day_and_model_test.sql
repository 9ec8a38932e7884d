begin;
select plan(26);

select tests.set_time('2031-03-05 23:30:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(10000) as ann \gset
select tests.create_rich_user(10000) as bob \gset

-- A video that waits 10 s, is made in 60 s and transferred in 5 s.
create function pg_temp.make(p_user_id uuid, p_duration integer, p_model text default 'veo-3.1') returns uuid
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video_of(p_user_id, p_duration, p_model => p_model);
    v_lease uuid;
begin
    perform tests.advance_time('10 seconds');
    v_lease := tests.bring_to(v_task_id, 'submitting');
    perform tests.must_apply(worker_api.record_operation(v_task_id, 1, 'operations/' || v_task_id));
    perform tests.advance_time('60 seconds');
    v_lease := tests.claim(v_task_id);
    perform tests.must_apply(
        worker_api.record_poll(v_task_id, v_lease, 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}')
    );
    perform tests.advance_time('5 seconds');
    v_lease := tests.claim(v_task_id);
    perform tests.must_apply(worker_api.begin_transfer(v_task_id, v_lease));
    perform tests.store_file(v_task_id);
    perform tests.must_apply(worker_api.complete_video(v_task_id, v_lease, tests.stored_video()));
    return v_task_id;
end
$$;
-- 5 March: Ann makes two that succeed and one that the filter stops.
select pg_temp.make(:'ann', 8) as first \gset
select pg_temp.make(:'ann', 8) as second \gset
select tests.create_video(:'ann', 'failed') as filtered \gset
-- 6 March: Ann makes one with the cheap model, Bob one that fails to download, one that he cancels and one that waits.
select tests.set_time('2031-03-06 00:00:00+00');
select pg_temp.make(:'ann', 4, 'veo-3.1-fast') as third \gset
select tests.create_video(:'bob', 'downloading') as lost \gset
update private.video_jobs set deadline_at = private.now() - interval '1 second', due_at = private.now()
where task_id = :'lost';
select private.sweep() as ignored \gset
select tests.create_video(:'bob', 'cancelled') as cancelled \gset
select tests.create_video(:'bob', 'pending') as waiting \gset
-- Support is generous about the second one.
select private.post_entry(a.id, 'goodwill_refund', 30, 'operator', :'second', 'sorry') as ignored
from public.credit_accounts as a
where a.user_id = :'ann' \gset
-- Ann liked one, and another one less.
select tests.act_as(:'ann');
select public.rate_video(:'first', 5), public.rate_video(:'third', 2) \gset ignored_
select tests.stop_acting();
-- And images were sold for 120 credits.
select private.post_entry(
    (select a.id from public.credit_accounts as a where a.user_id = :'bob'), 'image_generation', -120, 'user'
) as ignored \gset

select tests.act_as(:'admin_id');
select public.admin_get_dashboard('2031-03-05', '2031-03-06') as dashboard \gset
select is(
    :'dashboard'::jsonb -> 'totals',
    '{"tasks": 7, "completed": 3, "failed": 2, "cancelled": 1, "in_progress": 1, "generators": 2,
      "success_rate": 0.6000, "download_rate": 0.7500, "credits": 150, "revenue_usd": 15, "cost_usd": 18.4,
      "margin_usd": -3.4, "margin_rate": -0.2267, "ratings": 2, "average_stars": 3.50}'::jsonb,
    'what all of it brought and cost'
);
select is(
    (
        select jsonb_object_agg(
            d.v ->> 'day',
            jsonb_build_array(
                d.v -> 'tasks', d.v -> 'generators', d.v -> 'revenue_usd', d.v -> 'cost_usd', d.v -> 'margin_usd'
            )
        )
        from jsonb_array_elements(:'dashboard'::jsonb -> 'by_day') as d (v)
    ),
    '{"2031-03-05": [3, 1, 13, 12, 1], "2031-03-06": [4, 2, 2, 6.4, -4.4]}'::jsonb,
    'on the UTC day it was ordered, goodwill included'
);
select is(
    (
        select jsonb_object_agg(m.v ->> 'model', jsonb_build_array(m.v -> 'tasks', m.v -> 'credits', m.v -> 'ratings'))
        from jsonb_array_elements(:'dashboard'::jsonb -> 'by_model') as m (v)
    ),
    '{"veo-3.1": [6, 130, 1], "veo-3.1-fast": [1, 20, 1]}'::jsonb,
    'with which model'
);
select is(
    (
        select jsonb_agg(jsonb_build_array(m.v ->> 'day', m.v ->> 'model', m.v -> 'margin_usd') order by m.place)
        from jsonb_array_elements(:'dashboard'::jsonb -> 'by_day_and_model') with ordinality as m (v, place)
    ),
    '[["2031-03-05", "veo-3.1", 1], ["2031-03-06", "veo-3.1", -6], ["2031-03-06", "veo-3.1-fast", 1.6]]'::jsonb,
    'and with which on which day'
);
select is(
    :'dashboard'::jsonb -> 'failure_reasons',
    '[{"error_code": "safety_filter", "count": 1}, {"error_code": "video_expired", "count": 1}]'::jsonb,
    'why some failed'
);
select is(
    :'dashboard'::jsonb -> 'kpis',
    '{"daily_active_generators": 1.50, "videos_per_user": 1.50, "popular_duration": 8, "durations": {"4": 1, "8": 6},
      "revenue_per_video_usd": 5, "cost_per_video_usd": 6.133333, "margin_usd": -3.4, "margin_rate": -0.2267,
      "video_share_of_credits": 0.6571, "repeat_use": 0.5000, "satisfaction": 3.50}'::jsonb,
    'and what it means'
);
select is(
    :'dashboard'::jsonb -> 'latency_seconds',
    '{"queue": {"p50": 10.0, "p90": 10.0, "p99": 10.0}, "generation": {"p50": 60.0, "p90": 60.0, "p99": 60.0},
      "transfer": {"p50": 5.0, "p90": 5.0, "p99": 5.0}, "total": {"p50": 75.0, "p90": 75.0, "p99": 75.0}}'::jsonb,
    'how long each part took'
);
select is(
    :'dashboard'::jsonb -> 'spend_by_day',
    '[{"day": "2031-03-05", "usd": 12}, {"day": "2031-03-06", "usd": 6.4}]'::jsonb,
    'what was spent on which day, as the cap counts it'
);
select is(
    public.admin_get_dashboard('2031-03-06', '2031-03-06') #>> '{totals,tasks}', '4',
    'one day ends where the next begins'
);
select is(
    public.admin_get_dashboard('2031-03-06') ->> 'from' || ' ' || (public.admin_get_dashboard('2031-03-06') ->> 'to'),
    '2031-03-06 2031-03-06', 'until today, if not told'
);
select is(public.admin_get_dashboard() ->> 'from', '2031-02-05', 'the last 30 days, if told nothing');
select is(
    public.admin_get_dashboard('2030-01-01', '2030-01-01') - array['now', 'latency_seconds'],
    '{"from": "2030-01-01", "to": "2030-01-01", "by_day": [], "by_model": [], "by_day_and_model": [],
      "failure_reasons": [], "spend_by_day": [],
      "totals": {"tasks": 0, "completed": 0, "failed": 0, "cancelled": 0, "in_progress": 0, "generators": 0,
                 "success_rate": null, "download_rate": null, "credits": 0, "revenue_usd": 0, "cost_usd": 0,
                 "margin_usd": 0, "margin_rate": null, "ratings": 0, "average_stars": null},
      "kpis": {"daily_active_generators": 0.00, "videos_per_user": null, "popular_duration": null, "durations": {},
               "revenue_per_video_usd": null, "cost_per_video_usd": null, "margin_usd": 0, "margin_rate": null,
               "video_share_of_credits": null, "repeat_use": null, "satisfaction": null}}'::jsonb,
    'a day on which nothing happened has no rates'
);
select is(
    public.admin_get_dashboard('2030-01-01', '2030-01-01') #> '{latency_seconds,total,p50}', 'null'::jsonb, 'nor times'
);

-- Retries of a transfer are no orders.
select tests.stop_acting();
insert into public.video_generation_history (
    account_id, user_id, status, prompt, aspect_ratio, resolution, duration, model, request, credit_cost, retry_of,
    google_video_url
)
select
    h.account_id, h.user_id, 'downloading', h.prompt, h.aspect_ratio, h.resolution, h.duration, h.model, h.request, 0,
    h.id, h.google_video_url
from public.video_generation_history as h
where h.id = :'lost';
select tests.act_as(:'admin_id');
select is(
    public.admin_get_dashboard('2031-03-05', '2031-03-06') #>> '{totals,tasks}', '7', 'a free retry is no order'
);

-- Now.
select tests.stop_acting();
delete from private.alerts;
select private.raise_alert('a', 'critical', '1'), private.raise_alert('a', 'warning', '2'),
    private.raise_alert('b', 'warning', '3') \gset ignored_
update private.alerts set acknowledged_at = private.now(), acknowledged_by = 'me' where subject = '3';
select tests.configure('video_daily_spend_cap_usd', '12.80');
delete from private.worker_heartbeats;
select worker_api.heartbeat('worker-1', '0.1.0', '{}') as ignored \gset
select private.tick() as ignored \gset
select tests.advance_time('40 seconds');
select tests.act_as(:'admin_id');
select public.admin_get_dashboard() -> 'now' as now \gset
select is(
    :'now'::jsonb -> 'spend',
    '{"day": "2031-03-06", "usd": 6.4, "cap_usd": 12.8, "alert_usd": null, "share_of_cap": 0.5000}'::jsonb,
    'spend against the cap'
);
select is(:'now'::jsonb -> 'alerts', '{"critical": 1, "warning": 1, "info": 0}'::jsonb, 'open alerts');
select is(
    (:'now'::jsonb -> 'queue') - array['file_jobs', 'oldest_due_seconds'],
    '{"live_tasks": 1, "due": 1,
      "stages": {"submit": 1, "submitting": 0, "reconcile": 0, "poll": 0, "transfer": 0}}'::jsonb,
    'the queue by stage'
);
select cmp_ok((:'now'::jsonb #>> '{queue,oldest_due_seconds}')::integer, '>=', 40, 'and how long its oldest job waits');
select is(
    (:'now'::jsonb -> 'workers') #- '{0,started_at}',
    '[{"worker_id": "worker-1", "version": "0.1.0", "silent_seconds": 40}]'::jsonb,
    'workers, and how long each has been silent'
);
select is(:'now'::jsonb -> 'cron_silent_seconds', '40'::jsonb, 'and pg_cron');

-- Bounds.
select is(public.admin_get_dashboard('2031-01-01', '2031-04-02') ->> 'to', '2031-04-02', '92 days can be asked for');
select tests.throws_code(
    $$select public.admin_get_dashboard('2031-01-01', '2031-04-03')$$, 'invalid_parameter', 'not 93'
);
select tests.throws_code(
    $$select public.admin_get_dashboard('2031-03-06', '2031-03-05')$$, 'invalid_parameter', 'nor one that ends first'
);
select tests.throws_code(
    $$select public.admin_get_dashboard('-infinity', '2031-03-05')$$, 'invalid_parameter', 'nor one without a beginning'
);
select tests.throws_code(
    $$select public.admin_get_dashboard('2031-03-05', 'infinity')$$, 'invalid_parameter', 'or an end'
);
select tests.throws_code(
    $$select public.admin_get_dashboard('4713-01-01 BC', '5874897-12-31')$$, 'invalid_parameter', 'or of all times'
);

select tests.stop_acting();
select finish();
rollback;
