-- Whoever was deleted softly at the moment of his first call, after a sign-up that could make no account, kept the
-- account that the call made, and all that it held: the deletion did not see it yet. The call now holds his row.
set lock_timeout = '5s';
set statement_timeout = '60s';

create or replace function private.lock_account(p_user_id uuid) returns public.credit_accounts
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
