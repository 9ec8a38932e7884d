-- Counts anew how long clips take, from the latest completed tasks. Called by pg_cron every five minutes.
--
-- What a task waited for a second attempt says nothing of the next one, so repeated generations and transfers and free
-- retries do not count; a single clip that took for ever moves a percentile by one place. Reads a bounded number of
-- rows. Returns how many kinds of clips have an estimate of their own.
create function private.refresh_estimates() returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    insert into private.duration_estimates as e (
        model, resolution, duration, samples, typical_seconds, slow_seconds, refreshed_at
    )
    select
        t.model,
        t.resolution,
        t.duration,
        count(*),
        round(percentile_cont(0.5) within group (order by t.seconds)),
        round(percentile_cont(0.9) within group (order by t.seconds)),
        private.now()
    from (
        select
            h.*,
            extract(epoch from h.completed_at - h.created_at) as seconds
        from public.video_generation_history as h
        where h.status = 'completed'
        order by h.created_at desc, h.id desc
        limit v_settings.estimate_tasks
    ) as t
    where t.retry_of is null
        and t.retry_count = 0
        and not exists (select from private.provider_calls as c where c.task_id = t.id and c.attempt > 1)
    group by t.model, t.resolution, t.duration
    having count(*) >= v_settings.estimate_min_samples
    on conflict (model, resolution, duration) do update
    set
        samples = excluded.samples,
        typical_seconds = excluded.typical_seconds,
        slow_seconds = excluded.slow_seconds,
        refreshed_at = excluded.refreshed_at;

    return (select count(*)::integer from private.duration_estimates);
end
$$;

comment on function private.refresh_estimates() is
'Counts anew how long clips take. Returns how many kinds of clips have an estimate of their own.';
revoke all on function private.refresh_estimates() from public, anon, authenticated, service_role;
