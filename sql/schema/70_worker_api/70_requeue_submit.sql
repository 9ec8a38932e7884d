-- A create call that brought no operation. Fenced by the attempt.
--
--   refused   surely not accepted (429, 503): back to the queue with backoff and jitter, and a brake on the model
--             that all workers share; past the submit deadline the task fails with provider_quota
--   unknown   time-out, dropped connection, 5xx: never sent again; the job turns to looking for its clip
create function worker_api.requeue_submit(
    task_id uuid,
    submit_attempt integer,
    outcome text,
    detail jsonb,
    retry_after_seconds numeric
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(requeue_submit.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_now timestamptz := private.now();
    v_submit_deadline timestamptz;
    v_pause interval;
begin
    select * into v_job from private.video_jobs as j where j.task_id = requeue_submit.task_id for update;

    if exists (
        select
        from private.provider_calls as c
        where c.task_id = requeue_submit.task_id
            and c.attempt = requeue_submit.submit_attempt
            and c.outcome = requeue_submit.outcome
    ) then
        return jsonb_build_object('result', 'already_applied', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if coalesce(requeue_submit.outcome not in ('refused', 'unknown'), true)
        or v_job.task_id is null
        or v_job.submit_attempt is distinct from requeue_submit.submit_attempt
        or v_job.stage not in ('submitting', 'reconcile')
    then
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    select * into v_settings from private.settings;

    if requeue_submit.outcome = 'unknown' then
        perform private.book_call(v_job.task_id, v_job.submit_attempt, 'unknown', true, requeue_submit.detail);
        if v_job.stage = 'submitting' then
            perform private.next_stage(
                v_job, 'reconcile', v_now + v_settings.poll_interval, v_now + v_settings.reconcile_period,
                v_job.attempt_lease
            );
        end if;
        return jsonb_build_object(
            'result', 'applied', 'status', v_task.status, 'retry_at', v_now + v_settings.poll_interval
        );
    end if;

    -- The pause doubles with each refusal of this task; jitter keeps tasks that were refused together apart.
    v_pause := greatest(
        least(
            v_settings.submit_backoff_seconds * power(2, least(v_job.refusals, 20)),
            v_settings.submit_backoff_max_seconds
        ) * (0.5 + random() / 2),
        coalesce(requeue_submit.retry_after_seconds, 0)
    ) * interval '1 second';
    -- A further attempt after a failed one has its own time.
    select coalesce(max(c.ended_at), v_task.created_at) + v_settings.submit_deadline into v_submit_deadline
    from private.provider_calls as c
    where c.task_id = v_task.id and c.outcome = 'failed';

    insert into private.model_brakes as b (model, minute, paused_until)
    values (v_task.model, date_trunc('minute', v_now), v_now + v_pause)
    on conflict (model) do update
    set paused_until = greatest(b.paused_until, excluded.paused_until);

    -- After the brake: begin_submit locks it before the day, too.
    perform private.book_call(v_job.task_id, v_job.submit_attempt, 'refused', false, requeue_submit.detail);

    if v_now + v_pause > v_submit_deadline then
        perform private.end_task(
            v_task, 'failed', 'provider_quota', 'worker', v_job.attempt_lease, requeue_submit.detail
        );
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    update private.video_jobs as j
    set refusals = j.refusals + 1, last_refusal = requeue_submit.detail ->> 'code'
    where j.task_id = v_job.task_id;
    perform private.next_stage(v_job, 'submit', v_now + v_pause, v_submit_deadline, v_job.attempt_lease);
    return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_now + v_pause);
end
$$;

comment on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric) is
'A create call was refused, or its outcome is unknown. {result, status, retry_at}.';
revoke all on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric)
from public, anon, authenticated, service_role;
grant execute on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric) to video_worker;
