-- Cancels a task that the provider has not been asked for yet, and gives the credits back.
--
-- Only while pending with no create call in flight: after that the clip may be made and paid. Repeating a cancel is
-- fine. Locks the account, the task and its job. Raises task_not_found, illegal_state {status, stage}.
create function private.cancel_video(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history := private.lock_task(p_task_id);
    v_stage text;
begin
    if v_task.id is null or v_task.user_id is distinct from v_user_id or v_task.deleted_at is not null then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    if v_task.status = 'cancelled' then
        return private.video_status(v_task);
    end if;

    select j.stage into v_stage from private.video_jobs as j where j.task_id = p_task_id for update;

    if v_task.status <> 'pending' or v_stage <> 'submit' then
        perform private.raise_error(
            'illegal_state',
            'This video can no longer be cancelled.',
            jsonb_build_object('status', v_task.status, 'stage', v_stage)
        );
    end if;

    -- Two statements: within one, the stable status would not see the refund that end_task has just written.
    v_task := private.end_task(v_task, 'cancelled', null, 'user');
    return private.video_status(v_task);
end
$$;

comment on function private.cancel_video(uuid) is
'Cancels the caller''s task before it is submitted. See public.cancel_video.';
revoke all on function private.cancel_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.cancel_video(uuid) to authenticated;
