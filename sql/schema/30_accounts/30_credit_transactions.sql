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
-- A video is consoled for once.
create unique index credit_transactions_one_goodwill_for_each_task
on public.credit_transactions (task_id) where type = 'goodwill_refund';
create index credit_transactions_by_task on public.credit_transactions (task_id) where task_id is not null;
-- Statistics. Entries are written in the order of their time, so a few pages of block ranges find those of a period.
create index credit_transactions_by_creation
on public.credit_transactions using brin (created_at) with (autosummarize = on);

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
