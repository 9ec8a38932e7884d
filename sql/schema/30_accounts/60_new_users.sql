-- A profile and an account for each new user, and the bonus once he is confirmed.
--
-- A sign-up never fails because of us: an error becomes an alert, and private.lock_account makes what is missing
-- on first use. The bonus is posted once for each account (its idempotency key), on confirmation of the e-mail
-- address or phone number, and never for an anonymous sign-in - which may become a full user later.
create function private.welcome_user() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_bonus integer;
    v_account_id uuid;
begin
    if not private.is_adopted('profiles') then
        insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    end if;
    insert into public.credit_accounts (user_id) values (new.id) on conflict (user_id) do nothing;

    if new.is_anonymous or (new.email_confirmed_at is null and new.phone_confirmed_at is null) then
        return null;
    end if;
    if tg_op = 'UPDATE' and not old.is_anonymous and num_nonnulls(old.email_confirmed_at, old.phone_confirmed_at) > 0 then
        return null; -- Was a full user before: a second address or number makes nobody new.
    end if;

    select s.signup_bonus_credits into v_bonus from private.settings as s;
    if v_bonus > 0 then
        select a.id into v_account_id from public.credit_accounts as a where a.user_id = new.id for update;
        if not exists (
            select
            from public.credit_transactions as t
            where t.account_id = v_account_id and t.type = 'signup_bonus'
        ) then
            perform private.post_entry(
                v_account_id, 'signup_bonus', v_bonus, 'system',
                p_reason => 'Welcome', p_idempotency_key => 'signup_bonus'
            );
        end if;
    end if;

    return null;
exception
    when others then
        begin
            perform private.raise_alert(
                'sign_up_incomplete', 'warning', new.id::text, jsonb_build_object('error', sqlerrm)
            );
        exception
            when others then
                raise warning 'sign-up of user % is incomplete: %', new.id, sqlerrm;
        end;
        return null;
end
$$;

comment on function private.welcome_user() is
'Trigger on auth.users: profile, account and sign-up bonus. Never fails the sign-up.';
revoke all on function private.welcome_user() from public, anon, authenticated, service_role;

create trigger reelbase_welcome_user
after insert or update of email_confirmed_at, phone_confirmed_at, is_anonymous on auth.users
for each row execute function private.welcome_user();

-- Users who were there before us. They get no bonus: they signed up for something else.
insert into public.profiles (id)
select u.id
from auth.users as u
where not private.is_adopted('profiles')
on conflict (id) do nothing;

insert into public.credit_accounts (user_id)
select u.id
from auth.users as u
on conflict (user_id) do nothing;
