-- Tries once more to save a clip that was made and could not be downloaded. The failed task stays failed and refunded:
-- a new one, free and outside its user's limit, is born downloading and names it in retry_of.
--
-- {result, task_id, retry_of, status} of the new task. While a retry runs, and after one has succeeded, the answer is
-- already_applied with that retry. Locks the account and the task. Raises not_admin, task_not_found (also when its
-- owner deleted it), illegal_state {status, stage}: not failed by download_failed, or the provider's copy has expired.
create function private.admin_retry_download(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_task public.video_generation_history := private.lock_task(p_task_id);
    v_first public.video_generation_history;
    v_retry public.video_generation_history;
    v_call private.provider_calls;
    v_settings private.settings;
    v_now timestamptz := private.now();
begin
    -- A retry of a retry is one of the first task: all of them belong to its clip.
    select * into v_first
    from public.video_generation_history as h
    where h.id = coalesce(v_task.retry_of, v_task.id) and h.deleted_at is null;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    select * into v_retry
    from public.video_generation_history as h
    where h.retry_of = v_first.id and h.status in ('downloading', 'completed');
    if found then
        return jsonb_build_object(
            'result', 'already_applied', 'task_id', v_retry.id, 'retry_of', v_first.id, 'status', v_retry.status
        );
    end if;

    if v_task.error_code is distinct from 'download_failed' then
        perform private.raise_error(
            'illegal_state', 'Only a video whose download failed can be downloaded again.',
            jsonb_build_object('status', v_task.status, 'stage', null)
        );
    end if;

    select * into v_settings from private.settings;
    select * into v_call
    from private.provider_calls as c
    where c.task_id = v_first.id and c.outcome = 'succeeded';
    if v_call.ended_at + v_settings.provider_expiry <= v_now then
        perform private.raise_error(
            'illegal_state', 'The provider no longer keeps this clip. The credits are back; it has to be made anew.',
            jsonb_build_object('status', v_task.status, 'stage', null)
        );
    end if;

    insert into public.video_generation_history (
        account_id, user_id, status, prompt, negative_prompt, aspect_ratio, resolution, duration, model,
        reference_image_bucket, reference_image_path, request, credit_cost, retry_of, google_video_url, created_at
    ) values (
        v_first.account_id, v_first.user_id, 'downloading', v_first.prompt, v_first.negative_prompt,
        v_first.aspect_ratio, v_first.resolution, v_first.duration, v_first.model, v_first.reference_image_bucket,
        v_first.reference_image_path, v_first.request, 0, v_first.id, v_first.google_video_url, v_now
    ) returning * into v_retry;

    insert into private.video_jobs (
        task_id, account_id, model, stage, due_at, deadline_at, submit_attempt, counts_for_limit
    ) values (
        v_retry.id, v_retry.account_id, v_retry.model, 'transfer', v_now, v_call.ended_at + v_settings.provider_expiry,
        v_call.attempt, false
    );

    insert into private.admin_actions (actor, action, user_id, task_id, details)
    values (
        v_actor, 'retry_download', v_first.user_id, v_first.id, jsonb_build_object('retry', v_retry.id)
    );

    perform private.poke_worker();
    return jsonb_build_object(
        'result', 'applied', 'task_id', v_retry.id, 'retry_of', v_first.id, 'status', v_retry.status
    );
end
$$;

comment on function private.admin_retry_download(uuid) is
'Makes a free task that downloads a made clip again. See public.admin_retry_download.';
revoke all on function private.admin_retry_download(uuid) from public, anon, authenticated, service_role;
grant execute on function private.admin_retry_download(uuid) to authenticated;

create function public.admin_retry_download(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_retry_download(task_id);
end;

comment on function public.admin_retry_download(uuid) is
'Downloads a made clip again, as a new free task: {result, task_id, retry_of, status}.';
revoke all on function public.admin_retry_download(uuid) from public, anon, authenticated, service_role;
grant execute on function public.admin_retry_download(uuid) to authenticated;
