-- Income of somebody in debt pays the debt first, be both a single credit; nobody repays what is not owed.
begin;
select plan(4);

select tests.create_rich_user(100) as user_id \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset

select private.post_entry(:'account_id', 'purchase_refund', -101, 'test') is not null as is_posted \gset
select results_eq(
    format('select a.balance, a.debt from public.credit_accounts as a where a.id = %L', :'account_id'),
    'values (0, 1)',
    'a refunded purchase of a credit more than there is leaves a debt of one'
);

select private.post_entry(:'account_id', 'purchase', 1, 'test') is not null as is_posted \gset
select results_eq(
    format('select a.balance, a.debt from public.credit_accounts as a where a.id = %L', :'account_id'),
    'values (0, 0)',
    'one credit of income repays it'
);
select results_eq(
    format(
        'select t.amount, t.balance_after, t.debt_after, t.actor, t.reason from public.credit_transactions as t'
        ' where t.account_id = %L order by t.entry_no desc limit 1',
        :'account_id'
    ),
    $$values (-1, 0, 0, 'system', 'Repays credits of a refunded purchase')$$,
    'by an entry of the system that says why'
);

select private.post_entry(:'account_id', 'purchase', 50, 'test') is not null as is_posted \gset
select tests.violates(
    format('select private.post_entry(%L, ''debt_repayment'', -10, ''test'')', :'account_id'),
    'entry_debt_is_never_negative',
    'a repayment of more than is owed'
);

select finish();
rollback;
