-- What the product did in a period, and how it is at this moment.

-- Figures, rates and times of the tasks ordered in [p_from, p_to), grouped by day and model.
--
-- Everything of a task counts on the UTC day it was ordered, so that revenue and cost of a line are those of the same
-- tasks. Revenue is what completed tasks cost, less goodwill, at credit_value_usd; cost is what the provider may have
-- charged for all of them. Free retries of a transfer are no orders and are left out. Reads the tasks and calls of the
-- period once, by their index.
create function private.summarize_period(p_from timestamptz, p_to timestamptz) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_credit_usd numeric := (select s.credit_value_usd from private.settings as s);
begin
    return (
        with tasks as (
            select
                h.id,
                h.account_id,
                h.status,
                h.model,
                h.duration,
                h.credit_cost,
                h.error_code,
                h.created_at,
                h.completed_at,
                (h.created_at at time zone 'utc')::date as day
            from public.video_generation_history as h
            where h.created_at >= p_from and h.created_at < p_to and h.retry_of is null
        ),

        -- A task is sent within a day of its order (the longest deadline), and again within another.
        calls as (
            select
                c.task_id,
                sum(c.usd) as usd,
                max(c.created_at) filter (where c.outcome = 'succeeded') as sent_at,
                max(c.ended_at) filter (where c.outcome = 'succeeded') as made_at
            from private.provider_calls as c
            where c.created_at >= p_from and c.created_at < p_to + interval '2 days'
            group by c.task_id
        ),

        goodwill as (
            select t.task_id, sum(t.amount) as credits
            from public.credit_transactions as t
            where t.type = 'goodwill_refund'
            group by t.task_id
        ),

        facts as materialized (
            select
                t.*,
                case when t.status = 'completed' then t.credit_cost - coalesce(g.credits, 0) else 0 end as credits,
                coalesce(c.usd, 0) as usd,
                c.sent_at,
                c.made_at,
                r.stars
            from tasks as t
            left join calls as c on c.task_id = t.id
            left join goodwill as g on g.task_id = t.id
            left join public.video_ratings as r on r.task_id = t.id
        ),

        lines as materialized (
            select
                f.day,
                f.model,
                grouping(f.day) = 0 as is_of_a_day,
                grouping(f.model) = 0 as is_of_a_model,
                count(distinct f.account_id) as generators,
                jsonb_build_object(
                    'tasks', count(*),
                    'completed', count(*) filter (where f.status = 'completed'),
                    'failed', count(*) filter (where f.status = 'failed'),
                    'cancelled', count(*) filter (where f.status = 'cancelled'),
                    'in_progress', count(*) filter (where f.status in ('pending', 'processing', 'downloading')),
                    'generators', count(distinct f.account_id),
                    'success_rate', round(
                        count(*) filter (where f.status = 'completed')::numeric
                        / nullif(count(*) filter (where f.status in ('completed', 'failed')), 0), 4
                    ),
                    'download_rate', round(
                        count(*) filter (where f.status = 'completed')::numeric
                        / nullif(
                            count(*) filter (
                                where f.status = 'completed' or f.error_code in ('download_failed', 'video_expired')
                            ), 0
                        ), 4
                    ),
                    'credits', coalesce(sum(f.credits), 0),
                    'revenue_usd', private.usd(coalesce(sum(f.credits), 0) * v_credit_usd),
                    'cost_usd', private.usd(coalesce(sum(f.usd), 0)),
                    'margin_usd', private.usd(coalesce(sum(f.credits) * v_credit_usd - sum(f.usd), 0)),
                    'margin_rate', round(1 - sum(f.usd) / nullif(sum(f.credits) * v_credit_usd, 0), 4),
                    'ratings', count(f.stars),
                    'average_stars', round(avg(f.stars), 2)
                ) as figures
            from facts as f
            group by grouping sets ((f.day, f.model), (f.day), (f.model), ())
        )

        select jsonb_build_object(
            'totals', (select l.figures from lines as l where not l.is_of_a_day and not l.is_of_a_model),
            'by_day', coalesce(
                (
                    select jsonb_agg(jsonb_build_object('day', l.day) || l.figures order by l.day)
                    from lines as l
                    where l.is_of_a_day and not l.is_of_a_model
                ), '[]'
            ),
            'by_model', coalesce(
                (
                    select jsonb_agg(jsonb_build_object('model', l.model) || l.figures order by l.model)
                    from lines as l
                    where l.is_of_a_model and not l.is_of_a_day
                ), '[]'
            ),
            'by_day_and_model', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object('day', l.day, 'model', l.model) || l.figures order by l.day, l.model
                    )
                    from lines as l
                    where l.is_of_a_day and l.is_of_a_model
                ), '[]'
            ),
            'failure_reasons', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object('error_code', r.error_code, 'count', r.tasks)
                        order by r.tasks desc, r.error_code
                    )
                    from (
                        select f.error_code, count(*) as tasks
                        from facts as f
                        where f.status = 'failed'
                        group by f.error_code
                    ) as r
                ), '[]'
            ),
            'kpis', (
                select jsonb_build_object(
                    'daily_active_generators', round(
                        coalesce((select sum(l.generators) from lines as l where l.is_of_a_day and not l.is_of_a_model), 0)
                        / extract(day from p_to - p_from)::numeric, 2
                    ),
                    'videos_per_user', round(k.completed::numeric / nullif(k.generators, 0), 2),
                    'popular_duration', (
                        select f.duration
                        from facts as f
                        group by f.duration
                        order by count(*) desc, f.duration
                        limit 1
                    ),
                    'durations', coalesce(
                        (
                            select jsonb_object_agg(d.duration, d.tasks)
                            from (select f.duration, count(*) as tasks from facts as f group by f.duration) as d
                        ), '{}'
                    ),
                    'revenue_per_video_usd', private.usd(k.credits * v_credit_usd / nullif(k.completed, 0)),
                    'cost_per_video_usd', private.usd(k.usd / nullif(k.completed, 0)),
                    'repeat_use', round(k.returning_generators::numeric / nullif(k.generators, 0), 4)
                )
                from (
                    select
                        coalesce(sum(g.credits), 0) as credits,
                        coalesce(sum(g.usd), 0) as usd,
                        coalesce(sum(g.completed), 0) as completed,
                        count(*) as generators,
                        count(*) filter (where g.days > 1) as returning_generators
                    from (
                        select
                            sum(f.credits) as credits,
                            sum(f.usd) as usd,
                            count(*) filter (where f.status = 'completed') as completed,
                            count(distinct f.day) as days
                        from facts as f
                        group by f.account_id
                    ) as g
                ) as k
            ),
            'latency_seconds', (
                select jsonb_object_agg(
                    n.name,
                    jsonb_build_object(
                        'p50', round(p.seconds[1]::numeric, 1),
                        'p90', round(p.seconds[2]::numeric, 1),
                        'p99', round(p.seconds[3]::numeric, 1)
                    )
                )
                from unnest(array['queue', 'generation', 'transfer', 'total']) as n (name)
                left join lateral (
                    select
                        percentile_cont(array[0.5, 0.9, 0.99]) within group (
                            order by extract(
                                epoch from case n.name
                                    when 'queue' then f.sent_at - f.created_at
                                    when 'generation' then f.made_at - f.sent_at
                                    when 'transfer' then f.completed_at - f.made_at
                                    else f.completed_at - f.created_at
                                end
                            )::double precision
                        ) as seconds
                    from facts as f
                    where f.status = 'completed'
                ) as p on true
            )
        )
    );
end
$$;

comment on function private.summarize_period(timestamptz, timestamptz) is
'Figures, rates and times of the tasks ordered in a period.';
revoke all on function private.summarize_period(timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- What part of the credits spent in a period, less what came back in it, went into videos. Null if none were.
create function private.video_share_of_credits(p_from timestamptz, p_to timestamptz) returns numeric
language sql
stable
security definer
set search_path = ''
as $$
    select round(greatest(s.video, 0)::numeric / nullif(greatest(s.video, 0) + greatest(s.image, 0), 0), 4)
    from (
        select
            -sum(t.amount) filter (
                where t.type in ('video_generation', 'video_refund', 'goodwill_refund')
            ) as video,
            -sum(t.amount) filter (where t.type in ('image_generation', 'image_refund')) as image
        from public.credit_transactions as t
        where t.created_at >= p_from and t.created_at < p_to
    ) as s
$$;

comment on function private.video_share_of_credits(timestamptz, timestamptz) is
'The part of the credits spent in a period that went into videos.';
revoke all on function private.video_share_of_credits(timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- How it is at this moment: spend against the cap, the queue, open alerts, who was heard of when.
create function private.describe_operation() returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'at', n.at,
        'spend', jsonb_build_object(
            'day', (n.at at time zone 'utc')::date,
            'usd', private.usd(coalesce(d.usd, 0)),
            'cap_usd', private.usd(s.daily_spend_cap_usd),
            'alert_usd', private.usd(s.daily_cost_alert_usd),
            'share_of_cap', round(coalesce(d.usd, 0) / nullif(s.daily_spend_cap_usd, 0), 4)
        ),
        'queue', (
            select jsonb_build_object(
                'live_tasks', count(*),
                'due', count(*) filter (where j.due_at <= n.at),
                'oldest_due_seconds', extract(epoch from n.at - least(min(j.due_at), n.at))::integer,
                'stages', jsonb_build_object(
                    'submit', count(*) filter (where j.stage = 'submit'),
                    'submitting', count(*) filter (where j.stage = 'submitting'),
                    'reconcile', count(*) filter (where j.stage = 'reconcile'),
                    'poll', count(*) filter (where j.stage = 'poll'),
                    'transfer', count(*) filter (where j.stage = 'transfer')
                ),
                'file_jobs', (select count(*) from private.file_jobs)
            )
            from private.video_jobs as j
        ),
        'alerts', (
            select jsonb_build_object(
                'critical', count(*) filter (where a.severity = 'critical'),
                'warning', count(*) filter (where a.severity = 'warning'),
                'info', count(*) filter (where a.severity = 'info')
            )
            from private.alerts as a
            where a.acknowledged_at is null
        ),
        'workers', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'worker_id', h.worker_id,
                        'version', h.version,
                        'started_at', h.started_at,
                        'silent_seconds', greatest(extract(epoch from n.at - h.beat_at)::integer, 0)
                    )
                    order by h.beat_at desc, h.worker_id
                )
                from private.worker_heartbeats as h
                where h.worker_id <> 'pg_cron' and h.beat_at > n.at - interval '1 day'
            ), '[]'
        ),
        'cron_silent_seconds', (
            select greatest(extract(epoch from n.at - h.beat_at)::integer, 0)
            from private.worker_heartbeats as h
            where h.worker_id = 'pg_cron'
        )
    )
    from (select private.now() as at offset 0) as n
    cross join private.settings as s
    left join private.daily_spend as d on d.day = (n.at at time zone 'utc')::date
$$;

comment on function private.describe_operation() is 'Spend, queue, alerts and signs of life at this moment.';
revoke all on function private.describe_operation() from public, anon, authenticated, service_role;

-- The dashboard of the UTC days from p_from to p_to, both included: by default the last 30. Raises not_admin,
-- invalid_parameter.
create function private.admin_get_dashboard(p_from date, p_to date) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_to date := coalesce(p_to, (private.now() at time zone 'utc')::date);
    v_from date := coalesce(p_from, v_to - 29);
    v_start timestamptz;
    v_end timestamptz;
    v_period jsonb;
begin
    perform private.require_admin();
    if not (isfinite(v_from) and isfinite(v_to)) or v_to < v_from or v_to - v_from > 91 then
        perform private.refuse_parameter(
            'from', '{"minimum_days": 1, "maximum_days": 92}', 'Ask for 1 to 92 days, from the first to the last.'
        );
    end if;

    v_start := v_from::timestamp at time zone 'utc';
    v_end := (v_to + 1)::timestamp at time zone 'utc';
    v_period := private.summarize_period(v_start, v_end);

    return v_period || jsonb_build_object(
        'from', v_from,
        'to', v_to,
        'kpis', v_period -> 'kpis' || jsonb_build_object(
            'satisfaction', v_period #> '{totals,average_stars}',
            'video_share_of_credits', private.video_share_of_credits(v_start, v_end),
            'margin_usd', v_period #> '{totals,margin_usd}',
            'margin_rate', v_period #> '{totals,margin_rate}'
        ),
        'spend_by_day', coalesce(
            (
                select jsonb_agg(jsonb_build_object('day', d.day, 'usd', private.usd(d.usd)) order by d.day)
                from private.daily_spend as d
                where d.day between v_from and v_to
            ), '[]'
        ),
        'now', private.describe_operation()
    );
end
$$;

comment on function private.admin_get_dashboard(date, date) is 'Figures of a period, and how it is now.';
revoke all on function private.admin_get_dashboard(date, date) from public, anon, authenticated, service_role;
grant execute on function private.admin_get_dashboard(date, date) to authenticated;

create function public.admin_get_dashboard("from" date default null, "to" date default null) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_get_dashboard("from", "to");
end;

comment on function public.admin_get_dashboard(date, date) is
'Cost, margin, KPIs, rates and times of up to 92 UTC days, and how it is now. Administrators only.';
revoke all on function public.admin_get_dashboard(date, date) from public, anon, authenticated, service_role;
grant execute on function public.admin_get_dashboard(date, date) to authenticated;
