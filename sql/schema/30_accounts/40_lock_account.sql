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

    begin
        insert into public.profiles (id)
        select u.id
        from auth.users as u
        where u.id = p_user_id and u.deleted_at is null and not private.is_adopted('profiles')
        on conflict (id) do nothing;

        insert into public.credit_accounts (user_id)
        select u.id
        from auth.users as u
        where u.id = p_user_id and u.deleted_at is null
        on conflict (user_id) do nothing;
    exception
        when foreign_key_violation then
            null; -- Deleted at this moment: there is no account to find below.
    end;

    select * into v_account from public.credit_accounts as a where a.user_id = p_user_id for update;
    if not found then
        perform private.raise_error('not_authenticated', 'This user no longer exists. Sign in again.');
    end if;
    return v_account;
end
$$;

comment on function private.lock_account(uuid) is
'Locks (and if need be makes) the account of a user. The first lock of every change of money or tasks.';
revoke all on function private.lock_account(uuid) from public, anon, authenticated, service_role;
