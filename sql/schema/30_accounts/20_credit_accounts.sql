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

-- Users, newest first, for administrators.
create index credit_accounts_by_creation
on public.credit_accounts (created_at desc, id desc) where user_id is not null;

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
