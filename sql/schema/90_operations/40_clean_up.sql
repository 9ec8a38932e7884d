-- What piles up and nobody reads, and files that belong to nobody. Bounded: what is too much for one night waits for
-- the next.

-- Queues files of ours that no task and no user knows for deletion; returns how many.
--
-- Only names as our worker and our upload policy make them, in our own buckets: whatever else lies there is not ours.
-- Only files older than any task can live, so that none is being written for one.
create function private.queue_orphans(p_limit integer) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_queued integer;
begin
    insert into private.file_jobs (kind, bucket, path)
    select 'delete', o.bucket_id, o.name
    from storage.objects as o
    cross join private.settings as s
    where o.created_at < private.now() - s.provider_expiry
        and o.bucket_id in ('videos', 'reference-images')
        and case o.bucket_id
            when 'videos' then
                o.name ~ '^[0-9a-f-]{36}/[0-9a-f-]{36}\.(mp4|jpg|webp)$'
                and not exists (
                    select
                    from public.video_generation_history as h
                    where h.id::text = substr(o.name, 38, 36)
                        and (h.ended_at is null or 'videos/' || o.name in (h.permanent_video_url, h.thumbnail_url))
                )
            else
                o.name ~ '^[0-9a-f-]{36}/'
                and not exists (
                    select
                    from auth.users as u
                    where u.id::text = left(o.name, 36) and u.deleted_at is null
                )
        end
        and not exists (
            select
            from private.file_jobs as f
            where f.kind = 'delete' and f.bucket = o.bucket_id and f.path = o.name
        )
    order by o.created_at
    limit p_limit;
    get diagnostics v_queued = row_count;
    return v_queued;
end
$$;

comment on function private.queue_orphans(integer) is 'Queues files of ours that belong to nobody for deletion.';
revoke all on function private.queue_orphans(integer) from public, anon, authenticated, service_role;

create function private.clean_up() returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < private.now() - interval '7 days';

    -- pg_net forgets its answers by itself; not on every platform, and not while its worker stands still.
    if to_regclass('net._http_response') is not null then
        delete from net._http_response as r
        where r.created < private.now() - interval '7 days';
    end if;

    delete from private.worker_heartbeats as h
    where h.beat_at < private.now() - interval '7 days';

    delete from private.webhook_deliveries as d
    where d.created_at < private.now() - interval '7 days';

    perform private.queue_orphans(1000);
end
$$;

comment on function private.clean_up() is
'Deletes run history, heartbeats and webhooks older than a week; queues files that belong to nobody.';
revoke all on function private.clean_up() from public, anon, authenticated, service_role;
