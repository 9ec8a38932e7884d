begin;
select plan(26);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as buyer \gset
insert into public.credit_packages (id, name, credits, amount, currency, provider, mode, product_id) values
('small', 'Small', 100, 1000, 'EUR', 'acme', 'prod', 'prod_small'),
('large', 'Large', 900, 8000, 'EUR', 'acme', 'prod', 'prod_large');

create function pg_temp.paid(p_order_id text, p_changes jsonb) returns text
language sql
as $$
    select concat_ws(' ', a ->> 'result', a ->> 'status', a ->> 'problem')
    from (
        select public.record_payment(
            'acme', 'evt ' || p_order_id, 'order.paid', 'paid', '{}', p_order_id, (e ->> 'payment_id')::uuid,
            (e ->> 'user_id')::uuid, 'ch ' || p_order_id, e ->> 'product_id', e ->> 'mode', 1,
            (e ->> 'amount')::integer, 0, e ->> 'currency', (e ->> 'amount')::integer
        ) as a
        from (
            select '{"product_id": "prod_small", "mode": "prod", "amount": 1000, "currency": "EUR"}'::jsonb
                || p_changes as e
        ) as e
    ) as r
$$;

select jsonb_build_object('user_id', :'buyer') as his \gset
select is(pg_temp.paid('ord_1', '{}'), 'held held unknown_user', 'nobody''s order');
select is(
    pg_temp.paid('ord_2', jsonb_build_object('user_id', gen_random_uuid())), 'held held unknown_user',
    'a user who does not exist'
);
select is(
    pg_temp.paid('ord_3', :'his'::jsonb || '{"product_id": "prod_tshirt"}'), 'held held unknown_product',
    'something else that the shop sells'
);
select is((select p.credits from public.payments as p where p.order_id = 'ord_3'), 0, 'which is worth no credits');
select is(pg_temp.paid('ord_4', :'his'::jsonb || '{"amount": 999}'), 'held held wrong_amount', 'a cent too little');
select is(pg_temp.paid('ord_5', :'his'::jsonb || '{"amount": 1001}'), 'held held wrong_amount', 'a cent too much');
select is(pg_temp.paid('ord_6', :'his'::jsonb || '{"amount": null}'), 'held held wrong_amount', 'no amount');
select is(pg_temp.paid('ord_7', :'his'::jsonb || '{"currency": "HUF"}'), 'held held wrong_currency', 'cheap money');
select is(pg_temp.paid('ord_8', :'his'::jsonb || '{"mode": "test"}'), 'held held wrong_mode', 'play money');
select is(pg_temp.paid('ord_9', :'his'::jsonb || '{"mode": null}'), 'held held wrong_mode', 'money of no kind');

select tests.act_as(:'buyer');
select public.begin_checkout('large') ->> 'payment_id' as payment_id \gset
select tests.stop_acting();
select is(
    pg_temp.paid('ord_10', jsonb_build_object('payment_id', :'payment_id')), 'held held wrong_product',
    'a small package paid for a large one'
);

select tests.create_user() as leaver \gset
select tests.act_as(:'leaver');
select public.begin_checkout('small') ->> 'payment_id' as payment_id \gset
select tests.stop_acting();
delete from auth.users where id = :'leaver';
select is(
    pg_temp.paid('ord_11', jsonb_build_object('payment_id', :'payment_id')), 'held held unknown_user',
    'a buyer who left before the money came'
);
select tests.create_user() as hidden \gset
update auth.users set deleted_at = now() where id = :'hidden';
select is(
    pg_temp.paid('ord_13', jsonb_build_object('user_id', :'hidden')), 'held held unknown_user',
    'one who was deleted softly'
);

select is(tests.balance_of(:'buyer'), 0, 'none of these gave a credit');
select is(
    (select count(*)::integer from private.alerts as a where a.kind = 'payment_held' and a.severity = 'critical'), 12,
    'each is an alert, because somebody paid and has nothing'
);

-- Judged again when it is told again.
select is(pg_temp.paid('ord_1', :'his'::jsonb), 'applied paid', 'once the user is known');
insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id)
values ('shirt', 'Shirt', 7, 1000, 'EUR', 'acme', 'prod_tshirt');
select is(
    pg_temp.paid('ord_3', :'his'::jsonb || '{"product_id": "prod_tshirt"}'), 'applied paid',
    'once the product is a package'
);
select is(pg_temp.paid('ord_4', :'his'::jsonb || '{"amount": 999}'), 'held held wrong_amount', 'others stay held');
select is(tests.balance_of(:'buyer'), 107, 'the credits of both are there');
select is(
    public.record_payment(
        'acme', 'evt_r', 'x', 'refunded', '{}', 'ord_4', paid_amount => 999, refunded_amount => 999
    ) ->> 'refunded_credits', '0', 'what gave nothing takes nothing back'
);

-- Events that concern no order, or that the receiver could not read.
select is(
    public.record_payment('acme', 'evt_o', 'subscription.active', 'other', '{"a": 1}') ->> 'result', 'ignored',
    'what concerns no credits is kept and ignored'
);
select is(
    public.record_payment('acme', 'evt_p', 'order.paid', 'paid', '{}', 'ord_12', problem => 'wrong_mode')
    - 'payment_id',
    '{"result": "ignored", "status": null, "problem": "wrong_mode", "credits": null, "refunded_credits": null}'::jsonb,
    'what the receiver refused is kept'
);
select is(
    (select jsonb_agg(a.subject) from private.alerts as a where a.kind = 'payment_event_refused'),
    '["acme:evt_p"]'::jsonb, 'with an alert'
);
select is(
    (
        select string_agg(
            concat_ws(' ', k.kind, tests.error_of(format(
                'select public.record_payment(''acme'', ''e'', ''t'', %L, ''{}'', %L)', k.kind, k.order_id
            )) #>> '{details,parameter}'), ', ' order by k.kind
        )
        from (values ('paid', null), ('refunded', 'ord_1'), ('gift', 'ord_1')) as k (kind, order_id)
    ),
    'gift kind, paid order_id, refunded refunded_amount', 'a notice that says too little is refused'
);

select tests.throws_code(
    'select public.record_payment(''acme'', null, ''t'', ''other'', ''{}'')', 'invalid_parameter',
    'so is one without an id'
);

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
