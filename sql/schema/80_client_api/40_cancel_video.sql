-- Cancels a task that has not been submitted; the credits come back. Repeating it is fine.
-- Raises task_not_found, illegal_state {status, stage}.
create function public.cancel_video(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.cancel_video(task_id);
end;

comment on function public.cancel_video(uuid) is
'Cancels the caller''s pending task before it is submitted; answers its status shape.';
revoke all on function public.cancel_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cancel_video(uuid) to authenticated;
