begin;
select plan(17);

create function pg_temp.bonuses(p_user_id text) returns text
language sql
as $$
    select a.balance || ' in ' || count(t.id)
    from public.credit_accounts as a
    left join public.credit_transactions as t on t.account_id = a.id
    where a.user_id = p_user_id::uuid
    group by a.id
$$;

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as earlier_user \gset
select tests.configure('signup_bonus_credits', '25');

select tests.create_user() as confirmed \gset
select is(pg_temp.bonuses(:'confirmed'), '25 in 1', 'a user who is confirmed at once gets it at once');
select is(
    (
        select jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key)
        from public.credit_transactions as t
        inner join public.credit_accounts as a on a.id = t.account_id
        where a.user_id = :'confirmed'
    ),
    '["signup_bonus", 25, "system", "Welcome", "signup_bonus"]'::jsonb,
    'as an entry of the ledger'
);
update auth.users set phone_confirmed_at = now() where id = :'confirmed';
select is(pg_temp.bonuses(:'confirmed'), '25 in 1', 'a second confirmation, of a phone number, brings nothing');
update auth.users set email_confirmed_at = null, phone_confirmed_at = null where id = :'confirmed';
update auth.users set email_confirmed_at = now() where id = :'confirmed';
select is(pg_temp.bonuses(:'confirmed'), '25 in 1', 'nor does being confirmed again');

select tests.create_user(p_is_confirmed => false) as unconfirmed \gset
select is(pg_temp.bonuses(:'unconfirmed'), '0 in 0', 'an unconfirmed user gets nothing yet');
update auth.users set email_confirmed_at = now() where id = :'unconfirmed';
select is(pg_temp.bonuses(:'unconfirmed'), '25 in 1', 'and his bonus on confirmation');
select tests.create_user(p_is_confirmed => false) as consoled \gset
select public.admin_grant_credits(:'consoled', 10, 'his first mail got lost');
update auth.users set email_confirmed_at = now() where id = :'consoled';
select is(pg_temp.bonuses(:'consoled'), '35 in 2', 'also on top of other credits');

select tests.create_user(p_is_confirmed => false) as by_phone \gset
update auth.users set phone_confirmed_at = now() where id = :'by_phone';
select is(pg_temp.bonuses(:'by_phone'), '25 in 1', 'a phone number confirms as well');

select tests.create_user(p_is_anonymous => true) as anonymous \gset
select is(pg_temp.bonuses(:'anonymous'), '0 in 0', 'an anonymous user gets nothing');
update auth.users set email = 'later@example.com', email_confirmed_at = now() where id = :'anonymous';
select is(pg_temp.bonuses(:'anonymous'), '0 in 0', 'as long as he is anonymous');
update auth.users set is_anonymous = false where id = :'anonymous';
select is(pg_temp.bonuses(:'anonymous'), '25 in 1', 'and his bonus when he becomes a full user');

select tests.create_user(p_is_anonymous => true) as half_way \gset
update auth.users set is_anonymous = false, email = 'half@example.com' where id = :'half_way';
select is(pg_temp.bonuses(:'half_way'), '0 in 0', 'but not before his address is confirmed');

update auth.users set phone_confirmed_at = now() where id = :'earlier_user';
select is(pg_temp.bonuses(:'earlier_user'), '0 in 0', 'a user from before the bonus is not new, whatever he confirms');

select tests.configure('signup_bonus_credits', '1');
select tests.create_user() as cheap_user \gset
select is(pg_temp.bonuses(:'cheap_user'), '1 in 1', 'a bonus of one credit is one');
select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as later_user \gset
select is(pg_temp.bonuses(:'later_user'), '0 in 0', 'a bonus of zero is none');

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');
select is_empty($$select from private.alerts where kind = 'sign_up_incomplete'$$, 'and nothing went wrong');

select finish();
rollback;
