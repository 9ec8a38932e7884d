-- One task with its whole trail, for support: the task, its owner, what the ledger, the provider and administrators say
-- of it, what a worker has to do next, and the tasks that are further transfers of its clip.
-- Raises not_admin, task_not_found.
create function private.admin_get_video(p_task_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history;
begin
    perform private.require_admin();

    select * into v_task from public.video_generation_history as h where h.id = p_task_id;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    return jsonb_build_object(
        'task', private.describe_task(v_task),
        -- Null once the user is deleted.
        'user', private.describe_user(v_task.user_id),
        'job', (
            select to_jsonb(j) - array['task_id', 'account_id', 'model', 'lease_token', 'attempt_lease', 'last_lease']
            from private.video_jobs as j
            where j.task_id = p_task_id
        ),
        'ledger', coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'id', t.id,
                            'type', t.type,
                            'amount', t.amount,
                            'balance_before', t.balance_before,
                            'balance_after', t.balance_after,
                            'actor', t.actor,
                            'reason', t.reason,
                            'created_at', t.created_at
                        )
                        order by t.entry_no
                    )
                from public.credit_transactions as t
                where t.task_id = p_task_id
            ), '[]'
        ),
        'admin_actions', coalesce(
            (
                select jsonb_agg(to_jsonb(a) - array['user_id', 'task_id'] order by a.id)
                from private.admin_actions as a
                where a.task_id = p_task_id
            ), '[]'
        ),
        'retries', coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object('task_id', h.id, 'status', h.status, 'created_at', h.created_at)
                        order by h.created_at, h.id
                    )
                from public.video_generation_history as h
                where h.retry_of = p_task_id
            ), '[]'
        )
    );
end
$$;

comment on function private.admin_get_video(uuid) is 'One task with its whole trail.';
revoke all on function private.admin_get_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.admin_get_video(uuid) to authenticated;

create function public.admin_get_video(task_id uuid) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_get_video(task_id);
end;

comment on function public.admin_get_video(uuid) is
'One task with its whole trail: {task, user, job, ledger, admin_actions, retries}. Administrators only.';
revoke all on function public.admin_get_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.admin_get_video(uuid) to authenticated;
