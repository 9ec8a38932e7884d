-- Locks the account of a user, and makes it first if sign-up could not.
--
-- Raises not_authenticated for a user who no longer exists (a token outlives its user).
create function private.lock_account(p_user_id uuid) returns public.credit_accounts
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account public.credit_accounts;
begin
    select * into v_account from public.credit_accounts as a where a.user_id = p_user_id for update;

    if not found then
        insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;
        select * into strict v_account from public.credit_accounts as a where a.user_id = p_user_id for update;
    end if;

    return v_account;
exception
    when foreign_key_violation then
        perform private.raise_error('not_authenticated', 'This user no longer exists. Sign in again.');
        return null;
end
$$;

comment on function private.lock_account(uuid) is
'Locks (and if need be makes) the account of a user. The first lock of every change of money or tasks.';
revoke all on function private.lock_account(uuid) from public, anon, authenticated, service_role;
