-- Profiles, credit accounts and the append-only ledger.
-- First version: made from sql/schema/30_accounts, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- What a user shows of himself. Goes with the user.
--
-- Almost every live project has a table of that name, keyed by the user's id: it is adopted. Then the host application
-- makes and deletes its rows, and its rights and policies stay as they are: a policy of ours could open a column that
-- they close. We only read display_name.
create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    display_name text,
    created_at timestamptz not null default private.now(),
    constraint display_name_is_short check (char_length(display_name) between 1 and 80)
);

alter table public.profiles add column if not exists display_name text;

do $$
begin
    if private.is_adopted('profiles') then
        return;
    end if;

    comment on table public.profiles is 'What a user shows of himself.';
    alter table public.profiles enable row level security;
    revoke all on table public.profiles from public, anon, authenticated, service_role;
    grant select (id, display_name, created_at) on table public.profiles to authenticated;
    grant update (display_name) on table public.profiles to authenticated;
    grant select on table public.profiles to service_role;

    create policy profiles_are_read_by_their_owner on public.profiles
    for select to authenticated
    using (id = (select auth.uid()));

    create policy profiles_are_renamed_by_their_owner on public.profiles
    for update to authenticated
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));
end
$$;

-- The balance of a person, and the lock under which all his money and tasks change.
--
-- The row is locked first, always (lock order: accounts in id order -> history -> jobs -> daily rows). An account
-- outlives its user: deletion sets user_id to null, and the ledger stays whole without the person.
-- profiles and credit_accounts are the only tables that reference auth.users; a further one would let a deletion
-- and a running call wait for each other.
create table public.credit_accounts (
    id uuid primary key default gen_random_uuid(),
    user_id uuid unique references auth.users (id) on delete set null,
    balance integer not null default 0,
    debt integer not null default 0,
    last_entry_no integer not null default 0,
    created_at timestamptz not null default private.now(),
    constraint balance_is_never_negative check (balance >= 0),
    constraint debt_is_never_negative check (debt >= 0),
    constraint balance_and_debt_are_never_both_above_zero check (balance = 0 or debt = 0),
    constraint account_without_entries_is_empty check (last_entry_no > 0 or (balance = 0 and debt = 0)),
    -- Null while there are no entries, so that the key below does not apply yet.
    last_entry_key integer generated always as (nullif(last_entry_no, 0)) stored
);

comment on table public.credit_accounts is 'Balance of a person; its row is the first lock of every money change.';
comment on column public.credit_accounts.debt is
'Credits owed: a purchase was taken back after its credits were spent. Later income pays it first.';
alter table public.credit_accounts enable row level security;
revoke all on table public.credit_accounts from public, anon, authenticated, service_role;
grant select (id, user_id, balance, debt, created_at) on table public.credit_accounts to authenticated;
grant select on table public.credit_accounts to service_role;

create policy accounts_are_read_by_their_owner on public.credit_accounts
for select to authenticated
using (user_id = (select auth.uid()));

-- The ledger: append only, one entry for each change of a balance.
--
-- Three rules are keys of the schema instead of habits of the code:
--   * entry n of an account starts from the balance and debt that entry n - 1 left (entry_follows_its_predecessor),
--     so entries have no gaps and their order is the order of the lock, not of clocks;
--   * an account's balance and debt are those of its last entry (account_shows_its_last_entry);
--   * a charge or refund of a video names a task that names it back (see 50_videos/90_settlement.sql).
create table public.credit_transactions (
    id uuid primary key default gen_random_uuid(),
    account_id uuid not null references public.credit_accounts (id),
    entry_no integer not null,
    type text not null,
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    debt_before integer not null default 0,
    debt_after integer not null default 0,
    task_id uuid,
    actor text not null,
    reason text,
    idempotency_key text,
    created_at timestamptz not null default private.now(),
    previous_entry_no integer generated always as (nullif(entry_no - 1, 0)) stored,
    charge_of_task uuid generated always as (case when type = 'video_generation' then id end) stored,
    refund_of_task uuid generated always as (case when type = 'video_refund' then id end) stored,

    constraint entry_numbers_start_at_one check (entry_no >= 1),
    constraint first_entry_starts_from_nothing check (entry_no > 1 or (balance_before = 0 and debt_before = 0)),
    constraint entry_adds_up check (balance_after = balance_before + amount and balance_after >= 0),
    constraint entry_debt_is_never_negative check (debt_before >= 0 and debt_after >= 0),
    constraint entry_type_is_known check (
        type in (
            'video_generation', 'video_refund', 'goodwill_refund', 'debt_repayment', 'purchase', 'purchase_refund',
            'signup_bonus', 'admin_grant', 'admin_deduct', 'image_generation', 'image_refund'
        )
    ),
    constraint entry_sign_fits_its_type check (
        case
            when type in ('video_generation', 'image_generation', 'admin_deduct', 'debt_repayment') then amount < 0
            -- Zero when all of the purchase had been spent: the whole of it becomes debt.
            when type = 'purchase_refund' then amount <= 0
            else amount > 0
        end
    ),
    constraint only_refunded_purchases_and_repayments_move_debt check (
        case
            when type = 'purchase_refund' then debt_after >= debt_before
            when type = 'debt_repayment' then debt_after = debt_before + amount
            else debt_after = debt_before
        end
    ),
    constraint video_entry_names_its_task check (
        type not in ('video_generation', 'video_refund', 'goodwill_refund') or task_id is not null
    ),
    constraint idempotency_key_is_short check (char_length(idempotency_key) between 1 and 255),
    constraint entry_number_is_unique unique (account_id, entry_no),
    constraint entry_state_is_a_key unique (account_id, entry_no, balance_after, debt_after),
    constraint entry_settlement_is_a_key unique (id, task_id, type, amount),
    constraint entry_follows_its_predecessor foreign key (
        account_id, previous_entry_no, balance_before, debt_before
    ) references public.credit_transactions (account_id, entry_no, balance_after, debt_after)
);

create unique index credit_transactions_idempotency
on public.credit_transactions (account_id, type, idempotency_key) where idempotency_key is not null;
create index credit_transactions_by_task on public.credit_transactions (task_id) where task_id is not null;

alter table public.credit_accounts add constraint account_shows_its_last_entry foreign key (
    id, last_entry_key, balance, debt
) references public.credit_transactions (account_id, entry_no, balance_after, debt_after)
deferrable initially deferred;

comment on table public.credit_transactions is 'The ledger: append only. entry_no orders the entries of an account.';
comment on column public.credit_transactions.actor is
'Who caused it: ''user'', ''worker'', ''system'', ''operator'', ''service_role'' or ''admin:<user id>''.';
alter table public.credit_transactions enable row level security;
revoke all on table public.credit_transactions from public, anon, authenticated, service_role;
grant select (
    id, account_id, entry_no, type, amount, balance_before, balance_after, debt_after, task_id, reason, created_at
) on table public.credit_transactions to authenticated;
grant select on table public.credit_transactions to service_role;

create policy entries_are_read_by_their_owner on public.credit_transactions
for select to authenticated
using (
    account_id in (
        select a.id
        from public.credit_accounts as a
        where a.user_id = (select auth.uid())
    )
);

create function private.refuse_ledger_change() returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'the ledger is append only',
        hint = 'Correct a mistake with a further entry.';
end
$$;

comment on function private.refuse_ledger_change() is 'Trigger: the ledger knows no UPDATE, DELETE or TRUNCATE.';
revoke all on function private.refuse_ledger_change() from public, anon, authenticated, service_role;

create trigger ledger_is_append_only
before update or delete on public.credit_transactions
for each row execute function private.refuse_ledger_change();

create trigger ledger_is_never_truncated
before truncate on public.credit_transactions
for each statement execute function private.refuse_ledger_change();

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

-- The only function that changes a balance: one ledger entry and the account's new state.
--
-- The caller holds the account's lock. Income of an account in debt is followed by a debt_repayment. For a
-- purchase_refund the part that the balance cannot cover becomes debt. Returns the entry asked for.
-- Raises check_violation (entry_adds_up) if the balance is too small.
create function private.post_entry(
    p_account_id uuid,
    p_type text,
    p_amount integer,
    p_actor text,
    p_task_id uuid default null,
    p_reason text default null,
    p_idempotency_key text default null,
    p_entry_id uuid default gen_random_uuid()
) returns public.credit_transactions
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account public.credit_accounts;
    v_entry public.credit_transactions;
    v_amount integer := p_amount;
    v_new_debt integer := 0;
begin
    select * into strict v_account from public.credit_accounts as a where a.id = p_account_id for update;

    if p_type = 'purchase_refund' and -p_amount > v_account.balance then
        v_amount := -v_account.balance;
        v_new_debt := -p_amount - v_account.balance;
    elsif p_type = 'debt_repayment' then
        v_new_debt := p_amount;
    end if;

    insert into public.credit_transactions (
        id, account_id, entry_no, type, amount, balance_before, balance_after, debt_before, debt_after,
        task_id, actor, reason, idempotency_key
    ) values (
        p_entry_id, p_account_id, v_account.last_entry_no + 1, p_type, v_amount,
        v_account.balance, v_account.balance + v_amount, v_account.debt, v_account.debt + v_new_debt,
        p_task_id, p_actor, p_reason, p_idempotency_key
    ) returning * into v_entry;

    if v_entry.balance_after > 0 and v_entry.debt_after > 0 then
        -- The account's row never holds both, so it is written once, by the repayment's own entry.
        insert into public.credit_transactions (
            account_id, entry_no, type, amount, balance_before, balance_after, debt_before, debt_after, actor, reason
        )
        select
            p_account_id, v_entry.entry_no + 1, 'debt_repayment', -r.repaid,
            v_entry.balance_after, v_entry.balance_after - r.repaid,
            v_entry.debt_after, v_entry.debt_after - r.repaid,
            'system', 'Repays credits of a refunded purchase'
        from (select least(v_entry.balance_after, v_entry.debt_after) as repaid) as r;

        update public.credit_accounts as a
        set
            balance = t.balance_after,
            debt = t.debt_after,
            last_entry_no = t.entry_no
        from public.credit_transactions as t
        where a.id = p_account_id
            and t.account_id = p_account_id
            and t.entry_no = v_entry.entry_no + 1;
    else
        update public.credit_accounts as a
        set
            balance = v_entry.balance_after,
            debt = v_entry.debt_after,
            last_entry_no = v_entry.entry_no
        where a.id = p_account_id;
    end if;

    return v_entry;
end
$$;

comment on function private.post_entry(uuid, text, integer, text, uuid, text, text, uuid) is
'Posts one ledger entry and the account''s new balance. The only function that changes a balance.';
revoke all on function private.post_entry(uuid, text, integer, text, uuid, text, text, uuid)
from public, anon, authenticated, service_role;

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
