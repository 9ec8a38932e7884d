-- What an operator must know before his users tell him, looked for each minute.

-- Everything that is not as it should be at this moment: a row for each alert.
create function private.conditions()
returns table (kind text, severity text, subject text, details jsonb)
language sql
stable
security definer
set search_path = ''
as $$
    -- Only while somebody waits: without work, silence is what one hears.
    select 'worker_silent', 'critical', 'workers', jsonb_build_object('last_beat_at', max(h.beat_at))
    from private.settings as s
    left join private.worker_heartbeats as h on h.worker_id <> 'pg_cron'
    where exists (select from private.video_jobs as j where j.due_at < private.now() - 3 * s.lease_period)
    group by s.lease_period
    having coalesce(max(h.beat_at), '-infinity') < private.now() - 3 * s.lease_period

    union all
    -- Three ticks.
    select 'queue_late', 'warning', 'queue', jsonb_build_object('oldest_due_at', min(j.due_at), 'jobs', count(*))
    from private.video_jobs as j
    where j.due_at < private.now() - interval '30 seconds'
    having count(*) > 0

    union all
    select
        'spend_at_' || t.percent || '_percent', t.severity, d.day::text,
        jsonb_build_object('usd', d.usd, 'cap_usd', s.daily_spend_cap_usd)
    from private.settings as s
    inner join private.daily_spend as d on d.day = (private.now() at time zone 'utc')::date
    cross join (values (50, 'info'), (80, 'warning'), (100, 'critical')) as t (percent, severity)
    where d.usd > 0 and d.usd * 100 >= s.daily_spend_cap_usd * t.percent

    union all
    select
        'spend_above_alert', 'warning', d.day::text,
        jsonb_build_object('usd', d.usd, 'alert_usd', s.daily_cost_alert_usd)
    from private.settings as s
    inner join private.daily_spend as d on d.day = (private.now() at time zone 'utc')::date
    where d.usd > 0 and d.usd >= s.daily_cost_alert_usd

    union all
    -- The last eighth of its time: six hours of two days.
    select
        'expiry_near', 'critical', j.task_id::text,
        jsonb_build_object('expires_at', j.deadline_at, 'download_attempt', j.download_attempt)
    from private.settings as s
    inner join private.video_jobs as j on j.stage = 'transfer'
    where j.deadline_at < private.now() + s.provider_expiry / 8

    union all
    select 'model_retiring', 'warning', m.id, jsonb_build_object('retires_at', m.retires_at)
    from public.video_models as m
    where m.is_enabled and m.retires_at > private.now() and m.retires_at < private.now() + interval '30 days'

    union all
    select 'price_not_checked', 'info', m.id, jsonb_build_object('price_checked_at', m.price_checked_at)
    from public.video_models as m
    where m.is_enabled and coalesce(m.price_checked_at, '-infinity') < private.now() - interval '1 month'
$$;

comment on function private.conditions() is 'What an operator must know at this moment: a row for each alert.';
revoke all on function private.conditions() from public, anon, authenticated, service_role;

-- Called by pg_cron each minute. What lasts is one alert. That pg_cron is silent is noticed by a worker's heartbeat.
create function private.watch() returns integer
language sql
volatile
security definer
set search_path = ''
as $$
    select count(private.note_condition(c.kind, c.severity, c.subject, c.details))::integer
    from private.conditions() as c
$$;

comment on function private.watch() is 'Turns what is not as it should be into alerts; returns how much there is.';
revoke all on function private.watch() from public, anon, authenticated, service_role;
