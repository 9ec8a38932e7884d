-- What piles up and nobody reads: pg_cron's run history and the heartbeats of workers long gone.
create function private.clean_up() returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < private.now() - interval '7 days';

    delete from private.worker_heartbeats as h
    where h.beat_at < private.now() - interval '7 days';
end
$$;

comment on function private.clean_up() is 'Deletes run history and heartbeats older than a week.';
revoke all on function private.clean_up() from public, anon, authenticated, service_role;
