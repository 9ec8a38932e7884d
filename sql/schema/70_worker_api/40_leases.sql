-- The lease of a job: judged, extended, given back.

-- Why a verdict does not apply, as the verb's answer; null if the lease holds and the job is in one of the stages.
-- A lease that ran out but was not handed to anybody else still holds: its verdict is worth having. Nobody's lease
-- (null) never does, not even on a job that nobody holds.
create function private.refuse_verdict(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_lease uuid,
    p_stages text[]
) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select case
        when p_task.id is null then jsonb_build_object('result', 'illegal_state', 'status', null)
        when p_job.task_id is null then jsonb_build_object(
            'result', case when p_task.resolving_lease = p_lease then 'already_applied' else 'illegal_state' end,
            'status', p_task.status
        )
        when p_lease is null or p_job.lease_token is distinct from p_lease then jsonb_build_object(
            'result', case when p_job.last_lease = p_lease then 'already_applied' else 'lease_lost' end,
            'status', p_task.status,
            'stage', p_job.stage
        )
        when p_job.stage <> all (p_stages) then jsonb_build_object(
            'result', 'illegal_state', 'status', p_task.status, 'stage', p_job.stage
        )
    end
$$;

comment on function private.refuse_verdict(public.video_generation_history, private.video_jobs, uuid, text[]) is
'The named result of a verdict that does not apply; null if it does.';
revoke all on function private.refuse_verdict(public.video_generation_history, private.video_jobs, uuid, text[])
from public, anon, authenticated, service_role;

-- Ends the lease of a job by a verdict: what is next, and when. p_lease is the lease that gave the verdict: another
-- one that held the job meanwhile must be told that it lost it, not that its verdict was applied already.
create function private.next_stage(
    p_job private.video_jobs,
    p_stage text,
    p_due_at timestamptz,
    p_deadline_at timestamptz,
    p_lease uuid
) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    update private.video_jobs as j
    set
        stage = p_stage,
        due_at = p_due_at,
        deadline_at = p_deadline_at,
        last_lease = p_lease,
        lease_token = null,
        leased_by = null
    where j.task_id = p_job.task_id
$$;

comment on function private.next_stage(private.video_jobs, text, timestamptz, timestamptz, uuid) is
'Ends a job''s lease and says what is next.';
revoke all on function private.next_stage(private.video_jobs, text, timestamptz, timestamptz, uuid)
from public, anon, authenticated, service_role;

create function worker_api.extend_lease(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_due_at timestamptz;
begin
    update private.video_jobs as j
    set due_at = private.now() + s.lease_period
    from private.settings as s
    where j.task_id = extend_lease.task_id and j.lease_token = extend_lease.lease_token
    returning j.due_at into v_due_at;

    if found then
        return jsonb_build_object('result', 'applied', 'lease_expires_at', v_due_at);
    end if;
    if exists (select from private.video_jobs as j where j.task_id = extend_lease.task_id) then
        return jsonb_build_object('result', 'lease_lost');
    end if;
    return jsonb_build_object(
        'result', 'illegal_state',
        'status', (select h.status from public.video_generation_history as h where h.id = extend_lease.task_id)
    );
end
$$;

comment on function worker_api.extend_lease(uuid, uuid) is 'Renews a lease by video_lease_seconds from now.';
revoke all on function worker_api.extend_lease(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.extend_lease(uuid, uuid) to video_worker;

-- A stopping worker gives back what it holds, so that nobody waits for its leases to run out. A create call in
-- flight is not given back: its outcome is not known yet. An attempt at a transfer that was begun is not counted.
create function worker_api.release_leases(worker_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_released integer;
begin
    update private.video_jobs as j
    set
        due_at = private.now(),
        download_attempt = j.download_attempt - case
            when j.stage = 'transfer' and j.attempt_lease = j.lease_token then 1 else 0
        end,
        lease_token = null,
        leased_by = null
    where j.leased_by = release_leases.worker_id and j.stage <> 'submitting';
    get diagnostics v_released = row_count;

    update private.file_jobs as f
    set due_at = private.now(), lease_token = null, leased_by = null
    where f.leased_by = release_leases.worker_id;

    return jsonb_build_object('result', 'applied', 'released', v_released);
end
$$;

comment on function worker_api.release_leases(text) is 'Gives back every job a stopping worker holds.';
revoke all on function worker_api.release_leases(text) from public, anon, authenticated, service_role;
grant execute on function worker_api.release_leases(text) to video_worker;

-- A worker gives one job back that it cannot begin: its storage, its credentials or its provider are out of reach.
-- Nothing is at stake yet, and nobody has to wait for the lease to run out. Not while a create call is in flight.
create function worker_api.postpone_job(task_id uuid, lease_token uuid, seconds numeric) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_due_at timestamptz;
begin
    update private.video_jobs as j
    set
        due_at = private.now() + least(greatest(coalesce(postpone_job.seconds, 0), 0), 3600) * interval '1 second',
        last_lease = j.lease_token,
        lease_token = null,
        leased_by = null
    where j.task_id = postpone_job.task_id
        and j.lease_token = postpone_job.lease_token
        and j.stage <> 'submitting'
    returning j.due_at into v_due_at;

    if found then
        return jsonb_build_object('result', 'applied', 'retry_at', v_due_at);
    end if;
    return private.refuse_verdict(
        (select h from public.video_generation_history as h where h.id = postpone_job.task_id),
        (select j from private.video_jobs as j where j.task_id = postpone_job.task_id),
        postpone_job.lease_token,
        '{}' -- The job in whatever stage: why it was not applied is all that is asked.
    );
end
$$;

comment on function worker_api.postpone_job(uuid, uuid, numeric) is
'Gives a job back that cannot be begun now; it is due again in some seconds. {result, retry_at}.';
revoke all on function worker_api.postpone_job(uuid, uuid, numeric) from public, anon, authenticated, service_role;
grant execute on function worker_api.postpone_job(uuid, uuid, numeric) to video_worker;
