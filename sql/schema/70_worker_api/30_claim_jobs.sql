-- Hands out due jobs, each under a new lease token. Locks jobs only, and skips what others hold.
--
-- Slots are counted apart, so that slow transfers never keep polls waiting; at most video_batch_size of each kind.
-- An in-flight create call whose worker vanished is handed out as `reconcile`, never as `submit`: it may have been
-- accepted. Transfers go in the order in which their files expire (deadline_at is that time), the rest in the order
-- in which they fell due.
--
-- A worker names the providers it is set up for and gets no job of another, which somebody else has to do: the
-- provider that an attempt went to, else the model's. A worker that names none gets all.
create function private.claim_lane(
    p_worker_id text,
    p_stages text[],
    p_slots integer,
    p_lease_period interval,
    p_providers text[]
) returns table (
    task_id uuid,
    stage text,
    lease_token uuid,
    due_at timestamptz,
    submit_attempt integer,
    download_attempt integer,
    deadline_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
begin
    -- Columns by name, not the row type of the table: a worker's session outlives the migration that adds a column.
    return query
    with due as materialized (
        -- Materialized: the planner must not run the limited, locking query more than once.
        select j.task_id
        from private.video_jobs as j
        where j.stage = any (p_stages)
            and j.due_at <= v_now
            and (
                p_providers is null
                or exists (
                    select
                    from public.video_generation_history as h
                    inner join public.video_models as m on m.id = h.model
                    left join private.provider_calls as c
                        on c.task_id = coalesce(h.retry_of, j.task_id)
                        and c.attempt = j.submit_attempt
                        and j.stage <> 'submit'
                    where h.id = j.task_id and coalesce(c.provider, m.provider) = any (p_providers)
                )
            )
        order by case when j.stage = 'transfer' then j.deadline_at else j.due_at end
        limit p_slots
        for update skip locked
    )
    update private.video_jobs as j
    set
        stage = case when j.stage = 'submitting' then 'reconcile' else j.stage end,
        lease_token = gen_random_uuid(),
        leased_by = p_worker_id,
        due_at = v_now + p_lease_period
    from due
    where j.task_id = due.task_id
    returning
        j.task_id, j.stage, j.lease_token, j.due_at, j.submit_attempt, j.download_attempt, j.deadline_at;
end
$$;

comment on function private.claim_lane(text, text[], integer, interval, text[]) is
'Leases due jobs of some stages to a worker.';
revoke all on function private.claim_lane(text, text[], integer, interval, text[])
from public, anon, authenticated, service_role;

create function worker_api.claim_jobs(
    worker_id text,
    submit_slots integer,
    poll_slots integer,
    transfer_slots integer,
    providers text[] default null
) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with claimed as materialized (
        select * from private.claim_lane(
            worker_id, '{transfer}', least(greatest(transfer_slots, 0), v_settings.batch_size),
            v_settings.lease_period, providers
        )
        union all
        select * from private.claim_lane(
            worker_id, '{poll,reconcile,submitting}', least(greatest(poll_slots, 0), v_settings.batch_size),
            v_settings.lease_period, providers
        )
        union all
        select * from private.claim_lane(
            worker_id, '{submit}', least(greatest(submit_slots, 0), v_settings.batch_size),
            v_settings.lease_period, providers
        )
    )
    select jsonb_build_object(
        'task_id', j.task_id,
        'stage', j.stage,
        'lease_token', j.lease_token,
        'lease_expires_at', j.due_at,
        'provider', coalesce(c.provider, m.provider),
        'model', h.model,
        'provider_model', coalesce(c.provider_model, m.provider_model),
        'submit_attempt', j.submit_attempt,
        'download_attempt', j.download_attempt,
        'operation_id', case when j.stage = 'poll' then h.operation_id end,
        'output_prefix', c.output_prefix,
        'google_video_url', h.google_video_url,
        'deadline_at', j.deadline_at,
        'request', jsonb_build_object(
            'prompt', h.prompt,
            'negative_prompt', h.negative_prompt,
            'duration', h.duration,
            'resolution', h.resolution,
            'aspect_ratio', h.aspect_ratio,
            'reference_image', case
                when h.reference_image_path is not null then
                    jsonb_build_object('bucket', h.reference_image_bucket, 'path', h.reference_image_path)
            end
        ),
        'output', jsonb_build_object(
            'bucket', 'videos',
            'video_path', h.user_id || '/' || h.id || '.mp4',
            'thumbnail_path', h.user_id || '/' || h.id || '.jpg'
        )
    )
    from claimed as j
    inner join public.video_generation_history as h on h.id = j.task_id
    inner join public.video_models as m on m.id = h.model
    left join private.provider_calls as c
        on c.task_id = coalesce(h.retry_of, j.task_id) and c.attempt = j.submit_attempt and j.stage <> 'submit';
end
$$;

comment on function worker_api.claim_jobs(text, integer, integer, integer, text[]) is
'Leases due jobs of these providers (null: of all) to a worker, at most so many for each lane, an object for each.';
revoke all on function worker_api.claim_jobs(text, integer, integer, integer, text[])
from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_jobs(text, integer, integer, integer, text[]) to video_worker;
