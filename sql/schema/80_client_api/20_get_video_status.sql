-- The state of one of the caller's tasks. Raises task_not_found, also for somebody else's.
create function private.get_video_status(p_task_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history;
begin
    select * into v_task
    from public.video_generation_history as h
    where h.id = p_task_id and h.user_id = v_user_id and h.deleted_at is null;

    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    return private.video_status(v_task);
end
$$;

comment on function private.get_video_status(uuid) is 'The status shape of the caller''s task.';
revoke all on function private.get_video_status(uuid) from public, anon, authenticated, service_role;
grant execute on function private.get_video_status(uuid) to authenticated;

create function public.get_video_status(task_id uuid) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_video_status(task_id);
end;

comment on function public.get_video_status(uuid) is
'State of the caller''s task: {task_id, status, ..., video, error}. Raises task_not_found.';
revoke all on function public.get_video_status(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_video_status(uuid) to authenticated;
