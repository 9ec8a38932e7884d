begin;
select plan(16);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as buyer \gset
insert into public.credit_packages (id, name, credits, amount, currency, provider, mode, product_id)
values ('small', 'Small', 100, 1000, 'EUR', 'acme', 'test', 'prod_small');

-- What the provider says of an order of the buyer's.
create function pg_temp.paid(p_event_id text, p_changes jsonb default '{}') returns jsonb
language sql
as $$
    select public.record_payment(
        'acme', p_event_id, 'order.paid', 'paid', '{"raw": true}', e ->> 'order_id', (e ->> 'payment_id')::uuid,
        (e ->> 'user_id')::uuid, e ->> 'checkout_id', e ->> 'product_id', e ->> 'mode', (e ->> 'units')::integer,
        (e ->> 'amount')::integer, coalesce((e ->> 'discount_amount')::integer, 0), e ->> 'currency',
        (e ->> 'paid_amount')::integer
    )
    from (
        select '{"order_id": "ord_1", "product_id": "prod_small", "mode": "test", "units": 1, "amount": 1000,
            "currency": "EUR", "paid_amount": 1210}'::jsonb || p_changes as e
    ) as e
$$;

select tests.act_as(:'buyer');
select public.begin_checkout('small') as checkout \gset
select is(
    :'checkout'::jsonb - 'payment_id',
    '{"package_id": "small", "provider": "acme", "mode": "test", "product_id": "prod_small", "credits": 100,
        "amount": 1000, "currency": "EUR"}'::jsonb,
    'a purchase begins with what it will cost'
);
select tests.stop_acting();
select :'checkout'::jsonb ->> 'payment_id' as payment_id \gset

select is(
    pg_temp.paid('evt_1', jsonb_build_object('payment_id', :'payment_id')),
    jsonb_build_object(
        'result', 'applied', 'payment_id', :'payment_id', 'status', 'paid', 'problem', null, 'credits', 100,
        'refunded_credits', 0
    ),
    'paid, it gives its credits'
);
select is(tests.balance_of(:'buyer'), 100, 'to the buyer');
select is(
    (
        select jsonb_agg(
            jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key, t.id = p.purchase_entry_id)
        )
        from public.credit_transactions as t
        inner join public.payments as p on p.account_id = t.account_id
    ),
    '[["purchase", 100, "system", "Purchase: Small", "acme:ord_1", true]]'::jsonb,
    'by one entry, which the payment names'
);

select is(
    pg_temp.paid('evt_1', jsonb_build_object('payment_id', :'payment_id')) ->> 'result', 'already_applied',
    'the same event again changes nothing'
);
select is(pg_temp.paid('evt_2') ->> 'result', 'already_applied', 'nor does another event of the same order');
select is(
    pg_temp.paid('evt_3', '{"amount": 5, "currency": "USD", "product_id": "prod_other"}') ->> 'result',
    'already_applied', 'not even one that tells it differently'
);
select is(tests.balance_of(:'buyer'), 100, 'the balance is still that of one order');
select is(
    (
        select jsonb_object_agg(
            e.event_id, jsonb_build_array(e.deliveries, e.result, e.payment_id = :'payment_id', e.payload)
        )
        from private.payment_events as e
    ),
    '{"evt_1": [2, "already_applied", true, {"raw": true}], "evt_2": [1, "already_applied", true, {"raw": true}],
        "evt_3": [1, "already_applied", true, {"raw": true}]}'::jsonb,
    'every event is kept, with what came of it'
);

select is(
    pg_temp.paid('evt_4', jsonb_build_object('order_id', 'ord_2', 'payment_id', :'payment_id', 'user_id', :'buyer'))
        ->> 'status', 'paid',
    'a second order by the same link is a purchase of its own'
);
select is(
    pg_temp.paid(
        'evt_5', jsonb_build_object('order_id', 'ord_3', 'user_id', :'buyer', 'units', 3, 'amount', 3000)
    ) ->> 'credits', '300',
    'an order that did not begin here is known by its user, and three units give thrice the credits'
);
select is(
    pg_temp.paid(
        'evt_6', jsonb_build_object(
            'order_id', 'ord_4', 'user_id', :'buyer', 'amount', 600, 'discount_amount', 400, 'paid_amount', 726
        )
    ) ->> 'status', 'paid',
    'a discount that the provider granted counts as paid'
);
select is(
    pg_temp.paid(
        'evt_8', jsonb_build_object(
            'order_id', 'ord_6', 'user_id', :'buyer', 'amount', 0, 'discount_amount', 1000, 'paid_amount', 0
        )
    ) ->> 'status', 'paid',
    'even one of all of it'
);

-- The price changes while somebody is paying.
select tests.act_as(:'buyer');
select public.begin_checkout('small') ->> 'payment_id' as second_payment \gset
select tests.stop_acting();
update public.credit_packages set amount = 1500, credits = 90 where id = 'small';
select is(
    pg_temp.paid('evt_7', jsonb_build_object('order_id', 'ord_5', 'payment_id', :'second_payment')) ->> 'credits',
    '100', 'he gets what he was promised, at the price he was told'
);
select is(tests.balance_of(:'buyer'), 800, 'all of it is in the balance');

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
