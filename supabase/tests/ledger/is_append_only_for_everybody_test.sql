begin;
select plan(14);
set local client_min_messages = warning;

select tests.create_rich_user(100) as user_id \gset
set constraints all immediate;

-- Its owner, whom no grant and no policy stops.
select throws_ok(
    'update public.credit_transactions set amount = 1', '23001', 'the ledger is append only', 'no update'
);
select throws_ok(
    $$update public.credit_transactions set reason = 'other'$$, '23001', null, 'not even of a reason'
);
select throws_ok('delete from public.credit_transactions', '23001', null, 'no deletion');
select throws_ok(
    $$
    insert into public.credit_transactions
    (id, account_id, entry_no, type, amount, balance_before, balance_after, actor)
    select t.id, t.account_id, t.entry_no, t.type, t.amount, t.balance_before, t.balance_after, t.actor
    from public.credit_transactions as t
    on conflict (id) do update set reason = 'other'
    $$, '23001', null, 'no upsert'
);
select throws_ok('truncate public.credit_transactions cascade', '23001', null, 'no truncation');
select throws_ok('truncate public.credit_accounts cascade', '23001', null, 'not by way of the accounts');
select throws_ok(
    'truncate public.video_generation_history cascade', '23001', null, 'nor by way of the tasks'
);
select tests.violates(
    format('delete from public.credit_accounts where user_id = %L', :'user_id'),
    'credit_transactions_account_id_fkey', 'an account with entries stays'
);

select tests.act_as_role('service_role');
select throws_ok(
    'update public.credit_transactions set amount = 1', '42501', null, 'service_role updates nothing'
);
select throws_ok('delete from public.credit_transactions', '42501', null, 'deletes nothing');
select throws_ok('truncate public.credit_transactions', '42501', null, 'truncates nothing');
select throws_ok(
    $$
    insert into public.credit_transactions
    (account_id, entry_no, type, amount, balance_before, balance_after, actor)
    select a.id, 2, 'admin_grant', 1, 100, 101, 'me' from public.credit_accounts as a
    $$, '42501', null, 'and writes nothing of its own'
);
select throws_ok('update public.credit_accounts set balance = 1', '42501', null, 'nor a balance');

select tests.stop_acting();
select is(
    (
        select jsonb_build_array(a.balance, count(*), max(t.reason))
        from public.credit_accounts as a
        inner join public.credit_transactions as t on t.account_id = a.id
        where a.user_id = :'user_id'
        group by a.id
    ),
    '[100, 1, "test"]'::jsonb,
    'all is as it was'
);

select finish();
rollback;
