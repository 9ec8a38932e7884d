-- Deleting what one made: the content goes, the file through the Storage API; id, cost, key and ledger stay.

-- Not while the task is live: what was paid for is settled first (cancel it, or wait). Repeating it is fine. Locks
-- account and task. Raises task_not_found, illegal_state {status, stage}.
create function private.delete_video(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history := private.lock_task(p_task_id);
begin
    if v_task.id is null or v_task.user_id is distinct from v_user_id then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    if v_task.ended_at is null then
        perform private.raise_error(
            'illegal_state',
            'This video is still being made. Delete it when it is done.',
            jsonb_build_object(
                'status', v_task.status,
                'stage', (select j.stage from private.video_jobs as j where j.task_id = p_task_id)
            )
        );
    end if;

    if v_task.deleted_at is null then
        insert into private.file_jobs (kind, bucket, path)
        select 'delete', 'videos', substr(f.url, length('videos/') + 1)
        from unnest(array[v_task.permanent_video_url, v_task.thumbnail_url]) as f (url)
        where f.url is not null;

        update public.video_generation_history as h
        set
            prompt = null,
            negative_prompt = null,
            reference_image_bucket = null,
            reference_image_path = null,
            request = '{}',
            permanent_video_url = null,
            thumbnail_url = null,
            deleted_at = private.now()
        where h.id = p_task_id;
    end if;

    return '{"deleted": true}'::jsonb;
end
$$;

comment on function private.delete_video(uuid) is 'Deletes the content of the caller''s ended task and its files.';
revoke all on function private.delete_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.delete_video(uuid) to authenticated;

create function public.delete_video(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.delete_video(task_id);
end;

comment on function public.delete_video(uuid) is
'Deletes the caller''s ended video and its files: {deleted: true}. Raises task_not_found, illegal_state.';
revoke all on function public.delete_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.delete_video(uuid) to authenticated;

-- Not while a live task begins with it. Orders hold the lock of the account too, so none can begin with it meanwhile.
-- Repeating it is fine. Raises image_not_found, illegal_state {status, stage, task_id}.
create function private.delete_image(p_image_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_account public.credit_accounts := private.lock_account(v_user_id);
    v_image public.image_generation_history;
    v_details jsonb;
begin
    select * into v_image
    from public.image_generation_history as i
    where i.id = p_image_id and i.user_id = v_user_id
    for update;
    if not found then
        perform private.raise_error('image_not_found', 'There is no such image.');
    end if;

    select jsonb_build_object('status', h.status, 'stage', j.stage, 'task_id', h.id) into v_details
    from private.video_jobs as j
    inner join public.video_generation_history as h on h.id = j.task_id
    where j.account_id = v_account.id
        and h.reference_image_bucket = v_image.bucket
        and h.reference_image_path = v_image.path
        and v_image.deleted_at is null
    limit 1;
    if found then
        perform private.raise_error(
            'illegal_state', 'A video that begins with this image is still being made.', v_details
        );
    end if;

    if v_image.deleted_at is null then
        insert into private.file_jobs (kind, bucket, path) values ('delete', v_image.bucket, v_image.path);
        update public.image_generation_history as i
        set prompt = null, deleted_at = private.now()
        where i.id = p_image_id;
    end if;

    return '{"deleted": true}'::jsonb;
end
$$;

comment on function private.delete_image(uuid) is 'Deletes the caller''s image and its file.';
revoke all on function private.delete_image(uuid) from public, anon, authenticated, service_role;
grant execute on function private.delete_image(uuid) to authenticated;

create function public.delete_image(image_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.delete_image(image_id);
end;

comment on function public.delete_image(uuid) is
'Deletes the caller''s image and its file: {deleted: true}. Raises image_not_found, illegal_state.';
revoke all on function public.delete_image(uuid) from public, anon, authenticated, service_role;
grant execute on function public.delete_image(uuid) to authenticated;
