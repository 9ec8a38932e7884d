-- Workers that were heard of, and the settings each needs. Also the heartbeat of pg_cron.
create table private.worker_heartbeats (
    worker_id text primary key,
    version text not null,
    status jsonb not null,
    started_at timestamptz not null default private.now(),
    beat_at timestamptz not null default private.now()
);

comment on table private.worker_heartbeats is 'Last sign of life of each worker process, and of pg_cron (pg_cron).';
alter table private.worker_heartbeats enable row level security;
revoke all on table private.worker_heartbeats from public, anon, authenticated, service_role;

create function worker_api.heartbeat(worker_id text, version text, status jsonb) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ($1, $2, coalesce($3, '{}'))
    on conflict (worker_id) do update
    set version = excluded.version, status = excluded.status, beat_at = private.now();

    -- pg_cron cannot say that it is silent. A worker that has been there long enough to know can.
    select private.note_condition(
        'cron_silent', 'critical', 'pg_cron', jsonb_build_object('last_beat_at', c.beat_at)
    )
    from private.settings as s
    inner join private.worker_heartbeats as w on w.worker_id = $1
    left join private.worker_heartbeats as c on c.worker_id = 'pg_cron'
    where greatest(w.started_at, c.beat_at) < private.now() - 3 * s.lease_period;

    select jsonb_build_object(
        'result', 'applied',
        'now', private.now(),
        'settings', jsonb_build_object(
            'poll_interval_seconds', extract(epoch from s.poll_interval)::integer,
            'lease_seconds', extract(epoch from s.lease_period)::integer,
            'batch_size', s.batch_size,
            'generation_deadline_seconds', extract(epoch from s.generation_deadline)::integer,
            'download_attempts', s.download_attempts,
            'download_retry_seconds', extract(epoch from s.download_retry)::integer,
            'next_due_in_seconds', (
                select greatest(extract(epoch from min(j.due_at) - private.now()), 0)::numeric(12, 3)
                from private.video_jobs as j
                having count(*) > 0 -- greatest() ignores a null: without a job the answer is null, not 0
            )
        )
    )
    from private.settings as s
$$;

comment on function worker_api.heartbeat(text, text, jsonb) is
'Notes that a worker lives; answers {result, now, settings}.';
revoke all on function worker_api.heartbeat(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.heartbeat(text, text, jsonb) to video_worker;
