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
