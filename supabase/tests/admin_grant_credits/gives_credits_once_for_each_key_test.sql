begin;
select plan(20);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(100) as user_id \gset
select tests.create_rich_user(100) as other_user \gset
delete from private.admin_actions;

select tests.act_as(:'admin_id');
select is(
    public.admin_grant_credits(:'user_id', 50, 'lost video', 'ticket-1'), '{"balance": 150}'::jsonb,
    'the answer is the new balance'
);
select tests.stop_acting();
select is(
    (
        select jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key, t.balance_after, t.task_id)
        from public.credit_transactions as t
        inner join public.credit_accounts as a on t.account_id = a.id
        where a.user_id = :'user_id' and t.entry_no = 2
    ), jsonb_build_array('admin_grant', 50, 'admin:' || :'admin_id', 'lost video', 'ticket-1', 150, null),
    'the entry says who and why'
);
select is(
    (
        select jsonb_agg(to_jsonb(c) #- '{details,entry}' #- '{id}')
        from private.admin_actions as c
    ), jsonb_build_array(jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'grant_credits', 'user_id', :'user_id', 'task_id', null,
        'details', '{"amount": 50}'::jsonb, 'reason', 'lost video', 'created_at', '2031-03-05T10:00:00+00:00'
    )), 'and so does the list of what administrators did'
);

-- The key.
select tests.count_rows() as before \gset
select tests.act_as(:'admin_id');
select is(
    public.admin_grant_credits(:'user_id', 50, 'lost video', 'ticket-1'), '{"balance": 150}'::jsonb,
    'the same key again gives nothing, and answers the balance'
);
select is(
    tests.error_of(format('select public.admin_grant_credits(%L, 60, ''lost video'', ''ticket-1'')', :'user_id'))
        - array['message', 'hint'],
    '{"code": "idempotency_conflict", "status": 409, "headers": {}, "details": {"fields": ["amount"]}}'::jsonb,
    'another amount is a conflict'
);
select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'neither leaves a row');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as second_admin \gset
select tests.act_as(:'second_admin');
select is(
    public.admin_grant_credits(:'user_id', 50, 'lost video', 'ticket-1'), '{"balance": 150}'::jsonb,
    'nor for another administrator'
);
select is(
    public.admin_grant_credits(:'user_id', 50, 'lost video', 'ticket-2'), '{"balance": 200}'::jsonb,
    'another key is another grant'
);
select is(
    public.admin_grant_credits(:'other_user', 50, 'lost video', 'ticket-1'), '{"balance": 150}'::jsonb,
    'a key counts for one user'
);
select is(
    public.admin_grant_credits(:'user_id', 1, 'x'), '{"balance": 201}'::jsonb, 'without a key'
);
select is(
    public.admin_grant_credits(:'user_id', 1, 'x', null), '{"balance": 202}'::jsonb, 'each call is a grant'
);

-- Parameters.
create function pg_temp.refused(p_user_id text, p_amount text, p_reason text, p_key text default null) returns text
language sql
as $$
    select concat_ws(' ', e.error ->> 'status', e.error ->> 'code', e.error #>> '{details,parameter}')
    from (
        select tests.error_of(
            format('select public.admin_grant_credits(%L, %L, %L, %L)', p_user_id, p_amount, p_reason, p_key)
        ) as error
    ) as e
$$;
select is(pg_temp.refused(:'user_id', '0', 'x'), '422 invalid_parameter amount', 'nothing');
select is(pg_temp.refused(:'user_id', '-5', 'x'), '422 invalid_parameter amount', 'less than nothing');
select is(pg_temp.refused(:'user_id', null, 'x'), '422 invalid_parameter amount', 'no amount');
select is(pg_temp.refused(:'user_id', '100000001', 'x'), '422 invalid_parameter amount', 'too much');
select is(
    pg_temp.refused(:'user_id', '5', null) || ', ' || pg_temp.refused(:'user_id', '5', E' \n')
    || ', ' || pg_temp.refused(:'user_id', '5', repeat('x', 501)),
    '422 invalid_parameter reason, 422 invalid_parameter reason, 422 invalid_parameter reason',
    'no reason, a blank one, a long one'
);
select is(
    pg_temp.refused(:'user_id', '5', 'x', '') || ', ' || pg_temp.refused(:'user_id', '5', 'x', repeat('k', 256)),
    '422 invalid_parameter idempotency_key, 422 invalid_parameter idempotency_key', 'an empty key, a long one'
);
select is(
    pg_temp.refused(gen_random_uuid()::text, '5', 'x') || ', ' || pg_temp.refused(null, '5', 'x'),
    '404 user_not_found, 404 user_not_found', 'no such user, no user'
);
select tests.stop_acting();
update auth.users set deleted_at = now() where id = :'other_user';
select is(pg_temp.refused(:'other_user', '5', 'x'), '404 user_not_found', 'a user who was deleted');

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
