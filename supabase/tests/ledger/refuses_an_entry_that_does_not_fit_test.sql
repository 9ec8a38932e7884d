-- Entries written around private.post_entry: the schema itself refuses what would not add up.
begin;
select plan(25);

select tests.create_rich_user(100) as user_id \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset

-- An entry of +10 that would fit as the second one, with changes; the account follows it.
create function pg_temp.entry(p_account_id text, p_changes jsonb default '{}') returns text
language sql
as $$
    select format(
        $sql$
        with e as (
            insert into public.credit_transactions (
                account_id, entry_no, type, amount, balance_before, balance_after, debt_before, debt_after, task_id,
                actor, idempotency_key
            )
            select
                account_id, entry_no, type, amount, balance_before, balance_after, debt_before, debt_after, task_id,
                actor, idempotency_key
            from jsonb_populate_record(null::public.credit_transactions, %L)
            returning *
        )

        update public.credit_accounts as a
        set balance = e.balance_after, debt = e.debt_after, last_entry_no = e.entry_no
        from e
        where a.id = e.account_id
        $sql$,
        jsonb_build_object(
            'account_id', p_account_id, 'entry_no', 2, 'type', 'admin_grant', 'amount', 10,
            'balance_before', 100, 'balance_after', 110, 'debt_before', 0, 'debt_after', 0, 'actor', 'test'
        ) || p_changes
    )
$$;

select is(tests.constraint_of(pg_temp.entry(:'account_id')), null, 'the entry as such is taken');

-- The chain.
select tests.violates(
    pg_temp.entry(:'account_id', '{"entry_no": 3}'), 'entry_follows_its_predecessor', 'no gap'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"balance_before": 90, "balance_after": 100}'), 'entry_follows_its_predecessor',
    'starts from the balance that was left'
);
select tests.violates(
    pg_temp.entry(
        :'account_id',
        '{"type": "purchase_refund", "amount": -100, "balance_after": 0, "debt_before": 5, "debt_after": 5}'
    ), 'entry_follows_its_predecessor', 'and from the debt'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"entry_no": 1, "balance_before": 0, "balance_after": 10}'),
    'entry_number_is_unique', 'no second first entry'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"entry_no": 0}'), 'entry_numbers_start_at_one'
);
select tests.create_user() as fresh_user \gset
select a.id as fresh_account from public.credit_accounts as a where a.user_id = :'fresh_user' \gset
select tests.violates(
    pg_temp.entry(:'fresh_account', '{"entry_no": 1, "balance_before": 5, "balance_after": 15}'),
    'first_entry_starts_from_nothing', 'no money from nowhere'
);
select tests.violates(
    pg_temp.entry(:'fresh_account', '{"entry_no": 1, "balance_before": 0, "balance_after": 10, "debt_before": 3,
        "debt_after": 3}'),
    'first_entry_starts_from_nothing', 'nor debt'
);
select tests.violates(
    pg_temp.entry(:'fresh_account'), 'entry_follows_its_predecessor', 'a second entry needs a first one'
);
select tests.violates(
    pg_temp.entry('00000000-0000-0000-0000-000000000000', '{"entry_no": 1, "balance_before": 0, "balance_after": 10}'),
    'credit_transactions_account_id_fkey'
);

-- The sum.
select tests.violates(pg_temp.entry(:'account_id', '{"balance_after": 111}'), 'entry_adds_up');
select tests.violates(
    pg_temp.entry(:'account_id', '{"type": "admin_deduct", "amount": -101, "balance_after": -1}'), 'entry_adds_up',
    'never below zero'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"debt_before": 0, "debt_after": -1}'), 'entry_debt_is_never_negative'
);

-- Debt moves by two types of entry only, and by the right amount.
select tests.violates(
    pg_temp.entry(:'account_id', '{"debt_after": 1}'), 'only_refunded_purchases_and_repayments_move_debt', 'a grant'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"type": "debt_repayment", "amount": -10, "balance_after": 90}'),
    'only_refunded_purchases_and_repayments_move_debt', 'a repayment of what is not owed'
);
select is(
    tests.constraint_of(
        pg_temp.entry(
            :'account_id', '{"type": "purchase_refund", "amount": -100, "balance_after": 0, "debt_after": 7}'
        )
    ), null, 'a refunded purchase may leave a debt'
);

-- Type, task, key.
select tests.violates(pg_temp.entry(:'account_id', '{"type": "gift"}'), 'entry_type_is_known');
select tests.violates(
    pg_temp.entry(:'account_id', '{"type": "video_refund"}'), 'video_entry_names_its_task', 'a refund'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"type": "goodwill_refund"}'), 'video_entry_names_its_task', 'goodwill'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"type": "video_generation", "amount": -10, "balance_after": 90}'),
    'video_entry_names_its_task', 'a charge'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"task_id": "00000000-0000-0000-0000-000000000000"}'), 'entry_task_exists'
);
select tests.violates(pg_temp.entry(:'account_id', '{"idempotency_key": ""}'), 'idempotency_key_is_short');
select tests.violates(
    pg_temp.entry(:'account_id', jsonb_build_object('idempotency_key', repeat('k', 256))), 'idempotency_key_is_short'
);
select is(
    tests.constraint_of(pg_temp.entry(:'account_id', jsonb_build_object('idempotency_key', repeat('k', 255)))), null,
    'a key of 255 characters is taken'
);
select tests.violates(
    pg_temp.entry(:'account_id', '{"idempotency_key": "k"}') || ';'
    || pg_temp.entry(
        :'account_id', '{"idempotency_key": "k", "entry_no": 3, "balance_before": 110, "balance_after": 120}'
    ),
    'credit_transactions_idempotency', 'a key counts once for each type'
);

select finish();
rollback;
