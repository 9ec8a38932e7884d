-- Settling many tasks at once: for the sweep and for an administrator's rollback.

-- Locks the accounts of these tasks in one statement, in id order: the only way to hold more than one.
create function private.lock_accounts_of(p_task_ids uuid[]) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    select
    from public.credit_accounts as a
    where a.id in (
        select h.account_id
        from public.video_generation_history as h
        where h.id = any (p_task_ids)
    )
    order by a.id
    for update
$$;

comment on function private.lock_accounts_of(uuid[]) is 'Locks the accounts of some tasks, in id order.';
revoke all on function private.lock_accounts_of(uuid[]) from public, anon, authenticated, service_role;

-- Fails one task of many. One that cannot be settled, whatever the reason, becomes an alert (settlement_failed) and
-- holds up nobody else; false then. Deferred rules are checked here, so that they cannot fail the others' commit.
create function private.settle(p_task public.video_generation_history, p_error_code text, p_actor text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform private.end_task(p_task, 'failed', p_error_code, p_actor);
    set constraints all immediate;
    set constraints all deferred;
    return true;
exception
    when others then
        perform private.raise_alert(
            'settlement_failed', 'critical', p_task.id::text,
            jsonb_build_object('code', sqlstate, 'error', sqlerrm, 'error_code', p_error_code)
        );
        return false;
end
$$;

comment on function private.settle(public.video_generation_history, text, text) is
'Fails one task of many; an error becomes an alert instead of stopping the others. True if it was settled.';
revoke all on function private.settle(public.video_generation_history, text, text)
from public, anon, authenticated, service_role;
