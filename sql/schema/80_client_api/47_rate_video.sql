-- One to five stars for a completed video of the caller, who may change his mind. Locks the task, lest it is deleted
-- meanwhile. Raises invalid_parameter, task_not_found, illegal_state {status, stage}.
create function private.rate_video(p_task_id uuid, p_stars integer) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_status text;
begin
    if p_stars is null or p_stars not between 1 and 5 then
        perform private.refuse_parameter('stars', '[1, 2, 3, 4, 5]', 'stars must be 1 to 5.');
    end if;

    select h.status into v_status
    from public.video_generation_history as h
    where h.id = p_task_id and h.user_id = v_user_id and h.deleted_at is null
    for share;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    if v_status <> 'completed' then
        perform private.raise_error(
            'illegal_state', 'Only a finished video can be rated.',
            jsonb_build_object('status', v_status, 'stage', null)
        );
    end if;

    insert into public.video_ratings as r (task_id, stars)
    values (p_task_id, p_stars)
    on conflict (task_id) do update
    set stars = excluded.stars, updated_at = private.now();

    return jsonb_build_object('task_id', p_task_id, 'stars', p_stars);
end
$$;

comment on function private.rate_video(uuid, integer) is 'Rates the caller''s completed video.';
revoke all on function private.rate_video(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function private.rate_video(uuid, integer) to authenticated;

create function public.rate_video(task_id uuid, stars integer) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.rate_video(task_id, stars);
end;

comment on function public.rate_video(uuid, integer) is
'Rates the caller''s completed video with 1 to 5 stars: {task_id, stars}. May be changed.';
revoke all on function public.rate_video(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.rate_video(uuid, integer) to authenticated;
