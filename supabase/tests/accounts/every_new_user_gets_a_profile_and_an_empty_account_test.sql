begin;
select plan(8);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as full_user \gset
select tests.create_user(p_is_confirmed => false) as unconfirmed \gset
select tests.create_user(p_is_anonymous => true) as anonymous \gset

select is(
    (
        select jsonb_agg(jsonb_build_array(a.balance, a.debt, a.last_entry_no))
        from public.credit_accounts as a
        where a.user_id in (:'full_user', :'unconfirmed', :'anonymous')
    ),
    '[[0, 0, 0], [0, 0, 0], [0, 0, 0]]'::jsonb,
    'each user has an account with nothing in it, confirmed or not'
);
select is(
    (select count(*) from public.profiles as p where p.id in (:'full_user', :'unconfirmed', :'anonymous')),
    3::bigint, 'and a profile'
);
select is(
    (
        select count(*)
        from public.credit_transactions as t
        inner join public.credit_accounts as a on a.id = t.account_id
        where a.user_id in (:'full_user', :'unconfirmed', :'anonymous')
    ), 0::bigint, 'without a bonus there is no entry'
);

update auth.users set email_confirmed_at = now() where id = :'unconfirmed';
select is(
    (select count(*) from public.credit_accounts as a where a.user_id = :'unconfirmed'), 1::bigint,
    'confirming makes no second account'
);

select throws_matching(
    format('insert into public.credit_accounts (user_id) values (%L)', :'full_user'),
    'credit_accounts_user_id_key', 'a user has one account'
);
select throws_matching(
    $$insert into public.credit_accounts (user_id) values (gen_random_uuid())$$, 'credit_accounts_user_id_fkey',
    'an account needs a user to begin with'
);
select throws_matching(
    $$insert into public.profiles (id) values (gen_random_uuid())$$, 'profiles_id_fkey',
    'so does a profile'
);
select is_empty(
    $$
    select c.conrelid::regclass
    from pg_catalog.pg_constraint as c
    where c.confrelid = 'auth.users'::regclass
        and c.conrelid not in ('public.profiles'::regclass, 'public.credit_accounts'::regclass)
        and c.connamespace <> 'auth'::regnamespace
    $$,
    'no other table references auth.users: a deletion and a running call could wait for each other'
);

select finish();
rollback;
