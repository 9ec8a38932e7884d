-- Hands in the operation the provider accepted. Fenced by the attempt, not by the lease: it was paid for, so it is
-- taken from a slow worker too, and never lost. After the task has ended it is booked as late, raised as an alert,
-- and its clip deleted.
create function worker_api.record_operation(task_id uuid, submit_attempt integer, operation_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(record_operation.task_id);
    v_job private.video_jobs;
    v_call private.provider_calls;
    v_settings private.settings;
    v_now timestamptz := private.now();
begin
    select * into v_job from private.video_jobs as j where j.task_id = record_operation.task_id for update;
    select * into v_call
    from private.provider_calls as c
    where c.task_id = record_operation.task_id and c.attempt = record_operation.submit_attempt
    for update;

    if v_call.task_id is null or coalesce(record_operation.operation_id, '') = '' then
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if v_call.operation_id = record_operation.operation_id then
        return jsonb_build_object('result', 'already_applied', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if v_call.operation_id is not null
        or exists (select from private.provider_calls as c where c.operation_id = record_operation.operation_id)
    then
        -- Its clip was adopted before its name was known, or the name is taken: kept for the books.
        update private.provider_calls as c
        set detail = c.detail || jsonb_build_object('further_operation_id', record_operation.operation_id)
        where c.task_id = v_call.task_id and c.attempt = v_call.attempt;
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    update private.provider_calls as c
    set operation_id = record_operation.operation_id
    where c.task_id = v_call.task_id and c.attempt = v_call.attempt;

    select * into v_settings from private.settings;

    if v_job.task_id is null
        or v_job.submit_attempt <> record_operation.submit_attempt
        or v_job.stage not in ('submitting', 'reconcile')
    then
        perform private.book_late_call(v_call);
        perform private.raise_alert(
            'late_result', 'warning', v_call.task_id::text,
            jsonb_build_object('attempt', v_call.attempt, 'operation_id', record_operation.operation_id)
        );
        insert into private.file_jobs (kind, path, due_at)
        values ('delete_google', v_call.output_prefix, v_now + v_settings.generation_deadline);
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    perform private.book_call(v_call.task_id, v_call.attempt, 'accepted', true);

    update public.video_generation_history as h
    set operation_id = record_operation.operation_id, status = 'processing'
    where h.id = v_task.id;

    perform private.next_stage(
        v_job, 'poll', v_now + v_settings.poll_interval, v_now + v_settings.generation_deadline, v_job.attempt_lease
    );
    return jsonb_build_object('result', 'applied', 'status', 'processing');
end
$$;

comment on function worker_api.record_operation(uuid, integer, text) is
'Hands in the provider''s operation id of an attempt. Fenced by the attempt; never lost.';
revoke all on function worker_api.record_operation(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function worker_api.record_operation(uuid, integer, text) to video_worker;

-- A call that was given up turns out to be accepted. Where its USD had been given back to its day, they are booked
-- again: the cap cannot refuse what is spent already.
create function private.book_late_call(p_call private.provider_calls) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_usd numeric;
begin
    perform private.book_call(p_call.task_id, p_call.attempt, 'late', true);

    if p_call.usd = 0 then
        select h.duration * o.usd_per_second into v_usd
        from public.video_generation_history as h
        inner join public.video_model_options as o
            on o.model = h.model and o.resolution = h.resolution and o.duration = h.duration
        where h.id = p_call.task_id and o.valid_from <= p_call.created_at
        order by o.valid_from desc
        limit 1;

        if found then
            update private.provider_calls as c
            set usd = v_usd
            where c.task_id = p_call.task_id and c.attempt = p_call.attempt;
            perform private.reserve_spend(p_call.day, v_usd, null);
        end if;
    end if;
end
$$;

comment on function private.book_late_call(private.provider_calls) is
'Books a call that had been given up and was accepted after all, with its USD.';
revoke all on function private.book_late_call(private.provider_calls) from public, anon, authenticated, service_role;
