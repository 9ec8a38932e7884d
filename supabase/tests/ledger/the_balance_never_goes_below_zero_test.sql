begin;
select plan(12);

select tests.create_rich_user(100) as user_id \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset

select tests.violates(
    format('select private.post_entry(%L, ''admin_deduct'', -101, ''test'')', :'account_id'), 'entry_adds_up',
    'one credit too much'
);
select lives_ok(
    format('select private.post_entry(%L, ''admin_deduct'', -100, ''test'')', :'account_id'), 'all of it can go'
);
select is(tests.balance_of(:'user_id'), 0, 'which leaves zero');
select tests.violates(
    format('select private.post_entry(%L, ''image_generation'', -1, ''test'')', :'account_id'), 'entry_adds_up'
);
select throws_ok(
    $$select private.post_entry('00000000-0000-0000-0000-000000000000', 'admin_grant', 1, 'test')$$, 'P0002', null,
    'there is no entry without an account'
);

-- The account's row by itself.
create function pg_temp.account_with(p_account_id text, p_assignments text) returns text
language sql
as $$
    select format('update public.credit_accounts set %s where id = %L', p_assignments, p_account_id)
$$;
select tests.violates(pg_temp.account_with(:'account_id', 'balance = -1'), 'balance_is_never_negative');
select tests.violates(pg_temp.account_with(:'account_id', 'debt = -1'), 'debt_is_never_negative');
select tests.violates(
    pg_temp.account_with(:'account_id', 'balance = 1, debt = 1'), 'balance_and_debt_are_never_both_above_zero'
);
select tests.violates(
    pg_temp.account_with(:'account_id', 'balance = 1, last_entry_no = 0'), 'account_without_entries_is_empty'
);
select tests.violates(
    pg_temp.account_with(:'account_id', 'balance = 1'), 'account_shows_its_last_entry', 'a balance without an entry'
);
select tests.violates(
    pg_temp.account_with(:'account_id', 'debt = 1'), 'account_shows_its_last_entry', 'a debt without an entry'
);
select tests.violates(
    pg_temp.account_with(:'account_id', 'last_entry_no = 7'), 'account_shows_its_last_entry', 'an entry there is not'
);

select finish();
rollback;
