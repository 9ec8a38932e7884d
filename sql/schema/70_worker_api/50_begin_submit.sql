-- The commit point before a paid call: raises the attempt, writes the provider call, books the day's USD.
--
-- After {result: 'applied', submit: true} the worker calls the provider exactly once. {submit: false, reason} means
-- that the database put the job back (throttled, with retry_at) or ended the task (spend_cap, model_unavailable,
-- submit_deadline). Repeating the verb under the same lease answers already_applied with the same attempt, so a
-- lost reply does not lose the attempt.
--
-- The cap holds under any concurrency: one conditional UPDATE of the day's row decides. Locks the account, the task,
-- the job, then the model's brake and the day.
create function worker_api.begin_submit(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(begin_submit.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_option private.current_options;
    v_now timestamptz := private.now();
    v_day date := (v_now at time zone 'utc')::date;
    v_retry_at timestamptz;
    v_refused jsonb;
begin
    select * into v_job from private.video_jobs as j where j.task_id = begin_submit.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, begin_submit.lease_token, '{submit,submitting}');
    if v_refused is not null then
        return v_refused;
    end if;
    if v_job.stage = 'submitting' then
        return private.submit_answer('already_applied', v_job);
    end if;

    select * into v_settings from private.settings;
    select * into v_option
    from private.current_options as o
    where o.model = v_task.model and o.resolution = v_task.resolution and o.duration = v_task.duration;

    if v_now > v_job.deadline_at then
        perform private.end_task(
            v_task, 'failed', case when v_job.refusals > 0 then 'provider_quota' else 'timeout' end, 'worker',
            begin_submit.lease_token
        );
        return '{"result": "applied", "submit": false, "reason": "submit_deadline", "retry_at": null}'::jsonb;
    end if;
    if not coalesce(v_option.is_available, false) then
        perform private.end_task(v_task, 'failed', 'model_retired', 'worker', begin_submit.lease_token);
        return '{"result": "applied", "submit": false, "reason": "model_unavailable", "retry_at": null}'::jsonb;
    end if;

    v_retry_at := private.take_submit_slot(v_task.model, v_now, v_settings.submit_per_minute);
    if v_retry_at is not null then
        perform private.next_stage(v_job, 'submit', v_retry_at, v_job.deadline_at, begin_submit.lease_token);
        return jsonb_build_object('result', 'applied', 'submit', false, 'reason', 'throttled', 'retry_at', v_retry_at);
    end if;

    if not private.reserve_spend(v_day, v_option.usd, v_settings.daily_spend_cap_usd) then
        perform private.end_task(v_task, 'failed', 'spend_cap', 'worker', begin_submit.lease_token);
        perform private.raise_alert(
            'spend_cap_reached', 'critical', v_day::text,
            jsonb_build_object('cap_usd', v_settings.daily_spend_cap_usd)
        );
        return '{"result": "applied", "submit": false, "reason": "spend_cap", "retry_at": null}'::jsonb;
    end if;

    update private.video_jobs as j
    set
        stage = 'submitting',
        submit_attempt = j.submit_attempt + 1,
        attempt_lease = j.lease_token,
        due_at = v_now + v_settings.lease_period,
        deadline_at = v_now + v_settings.reconcile_period
    where j.task_id = v_job.task_id
    returning * into v_job;

    insert into private.provider_calls (
        task_id, attempt, model, provider, provider_model, output_prefix, usd, day
    ) values (
        v_job.task_id, v_job.submit_attempt, v_task.model, v_option.provider, v_option.provider_model,
        v_job.task_id || '/' || v_job.submit_attempt || '/', v_option.usd, v_day
    );

    return private.submit_answer('applied', v_job);
end
$$;

comment on function worker_api.begin_submit(uuid, uuid) is
'Commit point before a paid call. {result, submit: true, submit_attempt, output_prefix} or {submit: false, reason}.';
revoke all on function worker_api.begin_submit(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.begin_submit(uuid, uuid) to video_worker;

create function private.submit_answer(p_result text, p_job private.video_jobs) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_build_object(
        'result', p_result,
        'submit', true,
        'submit_attempt', p_job.submit_attempt,
        'output_prefix', p_job.task_id || '/' || p_job.submit_attempt || '/'
    )
$$;

comment on function private.submit_answer(text, private.video_jobs) is
'The answer of begin_submit that lets a call go.';
revoke all on function private.submit_answer(text, private.video_jobs) from public, anon, authenticated, service_role;

-- Takes one of the model's create calls of this minute. Null if it got one, else when to come back: after the pause
-- that a refusing provider asked for, or spread over the next minute.
create function private.take_submit_slot(p_model text, p_now timestamptz, p_per_minute integer) returns timestamptz
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_brake private.model_brakes;
begin
    insert into private.model_brakes as b (model, minute, submitted)
    values (p_model, date_trunc('minute', p_now), 1)
    on conflict (model) do update
    set
        minute = greatest(b.minute, excluded.minute),
        submitted = case when b.minute < excluded.minute then 1 else b.submitted + 1 end
    where (b.paused_until is null or b.paused_until <= p_now)
        and (b.minute < excluded.minute or b.submitted < p_per_minute);

    if found then
        return null;
    end if;

    select * into strict v_brake from private.model_brakes as b where b.model = p_model;
    return case
        when v_brake.paused_until > p_now then v_brake.paused_until
        else date_trunc('minute', p_now) + interval '1 minute'
    end + random() * interval '5 seconds';
end
$$;

comment on function private.take_submit_slot(text, timestamptz, integer) is
'Takes one create call of a model''s minute; null if it got one, else when to try again.';
revoke all on function private.take_submit_slot(text, timestamptz, integer)
from public, anon, authenticated, service_role;

-- Books USD for a day unless that would pass the cap. One conditional statement: whoever comes second waits for the
-- row and sees what the first one left.
create function private.reserve_spend(p_day date, p_usd numeric, p_cap numeric) returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if p_usd > p_cap then
        return false;
    end if;

    insert into private.daily_spend as d (day, usd)
    values (p_day, p_usd)
    on conflict (day) do update
    set usd = d.usd + excluded.usd
    where p_cap is null or d.usd + excluded.usd <= p_cap;

    return found;
end
$$;

comment on function private.reserve_spend(date, numeric, numeric) is
'Books USD for a day; false if the cap forbids it.';
revoke all on function private.reserve_spend(date, numeric, numeric) from public, anon, authenticated, service_role;
