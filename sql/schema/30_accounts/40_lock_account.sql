-- Locks the account of a user, and makes it (and his profile) first if sign-up could not.
--
-- Raises not_authenticated for a user who no longer exists or is deleted softly (a token outlives its user).
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
    if found then
        return v_account;
    end if;

    -- The user's row is shared with nobody who deletes him: a deletion under way is waited for, and one that comes later
    -- waits, and finds the account that it has to forget. A foreign key would hold off hard deletions alone.
    perform from auth.users as u where u.id = p_user_id and u.deleted_at is null for share;
    if not found then
        perform private.raise_error('not_authenticated', 'This user no longer exists. Sign in again.');
    end if;

    if not private.is_adopted('profiles') then
        insert into public.profiles (id) values (p_user_id) on conflict (id) do nothing;
    end if;
    insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;

    select * into strict v_account from public.credit_accounts as a where a.user_id = p_user_id for update;
    return v_account;
end
$$;

comment on function private.lock_account(uuid) is
'Locks (and if need be makes) the account of a user. The first lock of every change of money or tasks.';
revoke all on function private.lock_account(uuid) from public, anon, authenticated, service_role;
