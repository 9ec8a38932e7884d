begin;
select plan(16);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(100) as user_id \gset
delete from private.admin_actions;

select tests.act_as(:'admin_id');
select is(
    public.admin_deduct_credits(:'user_id', 30, 'paid twice', 'ticket-1'), '{"balance": 70}'::jsonb,
    'the answer is the new balance'
);
select tests.stop_acting();
select is(
    (
        select jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key, t.balance_after)
        from public.credit_transactions as t
        inner join public.credit_accounts as a on t.account_id = a.id
        where a.user_id = :'user_id' and t.entry_no = 2
    ), jsonb_build_array('admin_deduct', -30, 'admin:' || :'admin_id', 'paid twice', 'ticket-1', 70),
    'the entry says who and why'
);
select is(
    (select jsonb_agg(to_jsonb(c) #- '{details,entry}' #- '{id}') from private.admin_actions as c),
    jsonb_build_array(jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'deduct_credits', 'user_id', :'user_id', 'task_id', null,
        'details', '{"amount": 30}'::jsonb, 'reason', 'paid twice', 'created_at', '2031-03-05T10:00:00+00:00'
    )), 'and so does the list of what administrators did'
);

-- The key.
select tests.count_rows() as before \gset
select tests.act_as(:'admin_id');
select is(
    public.admin_deduct_credits(:'user_id', 30, 'paid twice', 'ticket-1'), '{"balance": 70}'::jsonb,
    'the same key again takes nothing, and answers the balance'
);
select is(
    tests.error_of(format('select public.admin_deduct_credits(%L, 31, ''other'', ''ticket-1'')', :'user_id'))
        - array['message', 'hint'],
    '{"code": "idempotency_conflict", "status": 409, "headers": {},
      "details": {"fields": ["amount", "reason"]}}'::jsonb,
    'another amount and another reason are a conflict that names them'
);
select is(
    tests.error_of(format('select public.admin_deduct_credits(%L, 30, ''other'', ''ticket-1'')', :'user_id'))
        #>> '{details,fields}', '["reason"]', 'only what differs is named'
);

-- What he does not have.
select is(
    tests.error_of(format('select public.admin_deduct_credits(%L, 71, ''x'', ''ticket-2'')', :'user_id'))
        - array['message', 'hint'],
    '{"code": "insufficient_credits", "status": 402, "headers": {},
      "details": {"required": 71, "available": 70}}'::jsonb,
    'more than there is cannot be taken'
);
select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'none of these leaves a row');
select tests.act_as(:'admin_id');
select is(
    public.admin_deduct_credits(:'user_id', 70, 'x', 'ticket-2'), '{"balance": 0}'::jsonb,
    'all there is can, with the key of the refused call'
);
select is(
    public.admin_deduct_credits(:'user_id', 30, 'paid twice', 'ticket-1'), '{"balance": 0}'::jsonb,
    'a repeated call is answered although the balance would not suffice any more'
);
select is(
    public.admin_grant_credits(:'user_id', 30, 'sorry', 'ticket-1'), '{"balance": 30}'::jsonb,
    'a key of a deduction is free for a grant'
);

-- Parameters.
create function pg_temp.refused(p_user_id text, p_amount text, p_reason text, p_key text default null) returns text
language sql
as $$
    select concat_ws(' ', e.error ->> 'status', e.error ->> 'code', e.error #>> '{details,parameter}')
    from (
        select tests.error_of(
            format('select public.admin_deduct_credits(%L, %L, %L, %L)', p_user_id, p_amount, p_reason, p_key)
        ) as error
    ) as e
$$;
select is(
    pg_temp.refused(:'user_id', '0', 'x') || ', ' || pg_temp.refused(:'user_id', '-5', 'x')
    || ', ' || pg_temp.refused(:'user_id', null, 'x') || ', ' || pg_temp.refused(:'user_id', '100000001', 'x'),
    '422 invalid_parameter amount, 422 invalid_parameter amount, 422 invalid_parameter amount, '
    '422 invalid_parameter amount', 'nothing, less than nothing, no amount, too much'
);
select is(
    pg_temp.refused(:'user_id', '5', null) || ', ' || pg_temp.refused(:'user_id', '5', repeat('x', 501)),
    '422 invalid_parameter reason, 422 invalid_parameter reason', 'no reason, a long one'
);
select is(pg_temp.refused(:'user_id', '5', 'x', ''), '422 invalid_parameter idempotency_key', 'an empty key');
select is(pg_temp.refused(gen_random_uuid()::text, '5', 'x'), '404 user_not_found', 'no such user');
select tests.stop_acting();

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
