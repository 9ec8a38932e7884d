begin;
select plan(10);
set local client_min_messages = error;

select tests.configure('signup_bonus_credits', '25');
alter table public.credit_accounts add constraint broken check (last_entry_no = -1) not valid;
select gen_random_uuid() as user_id \gset
select lives_ok(
    format(
        $$insert into auth.users (id, email, email_confirmed_at) values (%1$L, '%1$s@example.com', now())$$, :'user_id'
    ),
    'a sign-up passes although no account can be made'
);
select is(
    (
        select jsonb_build_object('kind', a.kind, 'severity', a.severity, 'says', a.details ->> 'error' like '%broken%')
        from private.alerts as a
        where a.subject = :'user_id'
    ),
    '{"kind": "sign_up_incomplete", "severity": "warning", "says": true}'::jsonb,
    'the operator is told, with the cause'
);
select is_empty(
    format('select from public.profiles where id = %L', :'user_id'), 'nothing is half made: no profile'
);
select tests.create_user() as other \gset

alter table public.credit_accounts drop constraint broken;
select tests.act_as(:'user_id');
select is(
    public.get_credits() - 'concurrent_limit', '{"balance": 0, "active_tasks": 0}'::jsonb,
    'until then he has nothing'
);
select is(public.list_credit_transactions(), '{"items": [], "next_cursor": null}'::jsonb, 'and no history');
select tests.stop_acting();
select lives_ok(format('select public.admin_grant_credits(%L, 5, ''sorry'')', :'user_id'), 'his first use');
select is(
    (
        select a.balance
        from public.credit_accounts as a
        inner join public.profiles as p on p.id = a.user_id
        where a.user_id = :'user_id'
    ), 5, 'makes account and profile'
);
select is_empty(
    format(
        'select id from public.profiles where id = %1$L union all '
        'select id from public.credit_accounts where user_id = %1$L', :'other'
    ),
    'his own alone'
);

-- Worse still: the alert cannot be written either.
alter table public.profiles add constraint broken check (false) not valid;
alter table private.alerts add constraint broken check (false) not valid;
select lives_ok('select tests.create_user()', 'a sign-up passes although not even the alert can be written');
select lives_ok(
    format($$update auth.users set phone_confirmed_at = now() where id = %L$$, :'user_id'), 'so does a confirmation'
);

select finish();
rollback;
