-- Locks a task from the top: its account, then its row. Returns null for an unknown task.
--
-- Lock order, everywhere: accounts in id order -> history -> jobs -> daily rows. The account is read unlocked first
-- (it never changes), so the order holds for callers who only know the task.
create function private.lock_task(p_task_id uuid) returns public.video_generation_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account_id uuid;
    v_task public.video_generation_history;
begin
    select h.account_id into v_account_id from public.video_generation_history as h where h.id = p_task_id;
    if not found then
        return null;
    end if;

    perform from public.credit_accounts as a where a.id = v_account_id for update;
    select * into strict v_task from public.video_generation_history as h where h.id = p_task_id for update;
    return v_task;
end
$$;

comment on function private.lock_task(uuid) is 'Locks a task''s account and row, in this order. Null if unknown.';
revoke all on function private.lock_task(uuid) from public, anon, authenticated, service_role;
