begin;
select plan(14);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as user_id \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset

create function pg_temp.post(p_account_id uuid, p_type text, p_amount integer) returns text
language plpgsql
as $$
declare
    v_entry public.credit_transactions := private.post_entry(p_account_id, p_type, p_amount, 'test');
begin
    return (
        select v_entry.amount || ': ' || a.balance || ' / ' || a.debt
        from public.credit_accounts as a
        where a.id = p_account_id
    );
end
$$;

select is(pg_temp.post(:'account_id', 'purchase', 100), '100: 100 / 0', 'a purchase (its amount: balance / debt)');
select is(pg_temp.post(:'account_id', 'purchase_refund', -40), '-40: 60 / 0', 'refunded in part while it is there');
select is(pg_temp.post(:'account_id', 'image_generation', -50), '-50: 10 / 0', 'most of the rest is spent');
select is(
    pg_temp.post(:'account_id', 'purchase_refund', -60), '-10: 0 / 50',
    'refunded: the balance covers 10, the other 50 are owed'
);
select is(pg_temp.post(:'account_id', 'purchase_refund', -20), '0: 0 / 70', 'a further one is owed as a whole');
select is(
    tests.error_of(format('select private.post_entry(%L, ''image_generation'', -1, ''test'')', :'account_id'))
        ->> 'sqlstate', '23514', 'nothing can be bought on debt'
);
select is(pg_temp.post(:'account_id', 'admin_grant', 30), '30: 0 / 40', 'income repays as much as it can');
select is(pg_temp.post(:'account_id', 'image_refund', 40), '40: 0 / 0', 'a refund too, to the last credit');
select is(pg_temp.post(:'account_id', 'purchase_refund', -5), '0: 0 / 5', 'owed again');
select is(pg_temp.post(:'account_id', 'purchase', 25), '25: 20 / 0', 'what is left after the debt is his');

select is(
    (
        select jsonb_agg(jsonb_build_array(t.type, t.amount, t.balance_after, t.debt_after) order by t.entry_no)
        from public.credit_transactions as t
        where t.account_id = :'account_id' and t.entry_no >= 6
    ),
    '[
        ["admin_grant", 30, 30, 70], ["debt_repayment", -30, 0, 40],
        ["image_refund", 40, 40, 40], ["debt_repayment", -40, 0, 0],
        ["purchase_refund", 0, 0, 5],
        ["purchase", 25, 25, 5], ["debt_repayment", -5, 20, 0]
    ]'::jsonb,
    'each repayment is an entry of its own, right after the income'
);

-- The refund of a video, and a grant through the API.
select tests.create_rich_user(80) as owing_user \gset
select a.id as owing_account from public.credit_accounts as a where a.user_id = :'owing_user' \gset
select tests.create_video(:'owing_user', 'pending') as task_id \gset
select private.post_entry(:'owing_account', 'purchase_refund', -100, 'test') is not null as ignored \gset
select tests.act_as(:'owing_user');
select is(
    public.cancel_video(:'task_id') ->> 'refunded_credits', '80', 'a cancelled video is refunded in full'
);
select tests.stop_acting();
select is(
    public.admin_grant_credits(:'owing_user', 50, 'sorry'), '{"balance": 30}'::jsonb,
    'and the debt of 100 is repaid by that refund and the first 20 of the next grant'
);

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
