-- In a live project that had a table profiles, the host application makes and deletes its rows.
begin;
select plan(8);

select tests.create_user() as earlier_user \gset
delete from private.adopted_tables where name = 'profiles';
select is(private.is_adopted('profiles'), false, 'a table that we made');
insert into private.adopted_tables (name, had_columns) values ('profiles', '{id}');
select is(private.is_adopted('profiles'), true, 'and one that was there');

select tests.create_user() as user_id \gset
select is_empty(
    format('select from public.profiles where id = %L', :'user_id'), 'a sign-up makes no profile: the host does'
);
select isnt_empty(
    format('select from public.credit_accounts where user_id = %L', :'user_id'), 'but an account'
);
select is_empty(
    format('select from private.alerts where subject = %L', :'user_id'), 'and nothing went wrong'
);
delete from public.credit_accounts where user_id = :'user_id';
select public.admin_grant_credits(:'user_id', 1, 'test') is not null as ignored \gset
select is_empty(
    format('select from public.profiles where id = %L', :'user_id'), 'nor does the first use of a missing account'
);

update auth.users set deleted_at = now() where id = :'earlier_user';
select isnt_empty(
    format('select from public.profiles where id = %L', :'earlier_user'),
    'a soft deletion leaves the profile to the host'
);
select is(
    (select a.user_id from public.credit_accounts as a where a.user_id = :'earlier_user'), null,
    'and parts the account from the person'
);

select finish();
rollback;
