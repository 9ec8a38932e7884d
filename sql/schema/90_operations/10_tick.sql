-- Called by pg_cron every 10 seconds: stamps pg_cron's heartbeat and pokes the worker if a job is due.
create function private.tick() returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ('pg_cron', '', '{}')
    on conflict (worker_id) do update
    set beat_at = private.now();

    if exists (select from private.video_jobs as j where j.due_at <= private.now())
        or exists (select from private.file_jobs as f where f.due_at <= private.now())
        or exists (select from private.webhook_deliveries as d where d.ended_at is null and d.due_at <= private.now())
    then
        return private.poke_worker();
    end if;
    return false;
end
$$;

comment on function private.tick() is 'Stamps pg_cron''s heartbeat; pokes the worker if work is due. True if poked.';
revoke all on function private.tick() from public, anon, authenticated, service_role;
