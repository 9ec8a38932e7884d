-- What a poll, or a look for a lost clip, brought.
--
--   running      not finished yet
--   unavailable  the provider did not answer: not a verdict
--   missing      (reconcile) the attempt's output prefix is still empty
--   succeeded    the clip is made: detail {google_video_url, operation_id}; also adopts a lost one
--   retryable    the provider failed inside: a further attempt, at most video_submit_attempts
--
-- Past its deadline the task fails: timeout, or submission_unknown while reconciling.
create function worker_api.record_poll(task_id uuid, lease_token uuid, outcome text, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(record_poll.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
    v_now timestamptz := private.now();
    v_due_at timestamptz;
begin
    select * into v_job from private.video_jobs as j where j.task_id = record_poll.task_id for update;
    v_refused := private.refuse_verdict(
        v_task, v_job, record_poll.lease_token,
        case record_poll.outcome
            when 'missing' then '{reconcile}'::text[]
            when 'retryable' then '{poll}'
            when 'running' then '{poll}'
            when 'unavailable' then '{poll,reconcile}'
            when 'succeeded' then '{poll,reconcile}'
            else '{}'
        end
    );
    if v_refused is not null then
        return v_refused;
    end if;

    select * into v_settings from private.settings;

    if record_poll.outcome = 'succeeded' then
        return private.start_transfer(v_task, v_job, record_poll.detail);
    end if;
    if record_poll.outcome = 'retryable' then
        return private.generate_again(v_task, v_job, record_poll.detail);
    end if;

    if v_now > v_job.deadline_at then
        perform private.end_task(
            v_task, 'failed', case v_job.stage when 'reconcile' then 'submission_unknown' else 'timeout' end, 'worker',
            record_poll.lease_token, record_poll.detail
        );
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    v_due_at := v_now + v_settings.poll_interval;
    perform private.next_stage(v_job, v_job.stage, v_due_at, v_job.deadline_at, record_poll.lease_token);
    return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_due_at);
end
$$;

comment on function worker_api.record_poll(uuid, uuid, text, jsonb) is
'What a poll brought: running, unavailable, missing, succeeded or retryable. {result, status, retry_at}.';
revoke all on function worker_api.record_poll(uuid, uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.record_poll(uuid, uuid, text, jsonb) to video_worker;

-- The clip is made: on to its transfer. A clip found under the prefix of a lost create call is adopted; without the
-- provider's own name for it, its prefix serves as the operation id.
create function private.start_transfer(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_detail jsonb
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_url text := p_detail ->> 'google_video_url';
    v_expires_at timestamptz;
    v_operation_id text := coalesce(
        p_detail ->> 'operation_id', 'adopted:' || p_job.task_id || '/' || p_job.submit_attempt || '/'
    );
begin
    if coalesce(v_url, '') = '' then
        return jsonb_build_object('result', 'illegal_state', 'status', p_task.status, 'stage', p_job.stage);
    end if;

    if p_job.stage = 'reconcile' then
        update private.provider_calls as c
        set operation_id = v_operation_id
        where c.task_id = p_job.task_id and c.attempt = p_job.submit_attempt;

        update public.video_generation_history as h
        set status = 'processing', operation_id = v_operation_id
        where h.id = p_task.id;
    end if;

    update public.video_generation_history as h
    set status = 'downloading', google_video_url = v_url
    where h.id = p_task.id;

    perform private.book_call(p_job.task_id, p_job.submit_attempt, 'succeeded', true, p_detail);

    select v_now + s.provider_expiry into v_expires_at from private.settings as s;
    perform private.next_stage(p_job, 'transfer', v_now, v_expires_at, p_job.lease_token);
    return jsonb_build_object('result', 'applied', 'status', 'downloading', 'retry_at', v_now);
end
$$;

comment on function private.start_transfer(public.video_generation_history, private.video_jobs, jsonb) is
'Moves a task whose clip is made to its transfer.';
revoke all on function private.start_transfer(public.video_generation_history, private.video_jobs, jsonb)
from public, anon, authenticated, service_role;

-- The provider failed inside: another attempt, or the end after video_submit_attempts of them.
create function private.generate_again(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_detail jsonb
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_settings private.settings;
    v_failed integer;
    v_now timestamptz := private.now();
    v_due_at timestamptz;
begin
    select * into v_settings from private.settings;
    select count(*)::integer + 1 into v_failed
    from private.provider_calls as c
    where c.task_id = p_task.id and c.outcome = 'failed';

    if v_failed >= v_settings.submit_attempts then
        perform private.end_task(p_task, 'failed', 'provider_error', 'worker', p_job.lease_token, p_detail);
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    perform private.book_call(p_job.task_id, p_job.submit_attempt, 'failed', false, p_detail);
    v_due_at := v_now + v_settings.submit_backoff_seconds * interval '1 second';
    perform private.next_stage(p_job, 'submit', v_due_at, v_now + v_settings.submit_deadline, p_job.lease_token);
    return jsonb_build_object('result', 'applied', 'status', p_task.status, 'retry_at', v_due_at);
end
$$;

comment on function private.generate_again(public.video_generation_history, private.video_jobs, jsonb) is
'Starts a further attempt after the provider failed inside, or ends the task.';
revoke all on function private.generate_again(public.video_generation_history, private.video_jobs, jsonb)
from public, anon, authenticated, service_role;
