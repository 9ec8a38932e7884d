begin;
select plan(19);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user() as buyer \gset
select tests.create_user() as stranger \gset
insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id, place, is_enabled)
values
('large', 'Large', 900, 8000, 'EUR', 'acme', 'prod_large', 2, true),
('small', 'Small', 100, 1000, 'EUR', 'acme', 'prod_small', 1, true),
('old', 'Old', 100, 900, 'EUR', 'acme', 'prod_old', 0, false);

select tests.act_as_role('anon');
select is(
    public.list_credit_packages(),
    '[{"id": "small", "name": "Small", "credits": 100, "amount": 1000, "currency": "EUR"},
        {"id": "large", "name": "Large", "credits": 900, "amount": 8000, "currency": "EUR"}]'::jsonb,
    'everybody sees what is on sale'
);
select throws_ok($$select public.begin_checkout('small')$$, '42501', null, 'but only who signed in can buy');

select tests.act_as(:'buyer');
select is(
    tests.error_of($$select public.begin_checkout('old')$$) - array['message', 'hint', 'headers'],
    '{"code": "invalid_parameter", "status": 422,
        "details": {"parameter": "package_id", "allowed": ["small", "large"]}}'::jsonb,
    'what is not on sale cannot be bought'
);
select tests.throws_code('select public.begin_checkout(null)', 'invalid_parameter', 'nor nothing');
select public.begin_checkout('small') ->> 'payment_id' as payment_id \gset
select is(public.list_payments() -> 'items', '[]'::jsonb, 'what is not paid is no purchase yet');

select tests.act_as_role('service_role');
select is(public.take_unsettled_payments('acme'), '[]'::jsonb, 'nor anything to ask the provider about');
select public.record_checkout(:'payment_id', 'ch_1') as ignored \gset
select is(
    public.take_unsettled_payments('acme'),
    jsonb_build_array(jsonb_build_object('payment_id', :'payment_id', 'checkout_id', 'ch_1')),
    'once the provider knows it, its name for it is known'
);
select is(public.take_unsettled_payments('other'), '[]'::jsonb, 'each provider is asked about its own');
select tests.throws_code(
    format('select public.record_checkout(%L, ''ch_2'')', gen_random_uuid()), 'item_not_found', 'and for no other'
);
select public.record_payment(
    'acme', 'evt_1', 't', 'paid', '{}', 'ord_1', :'payment_id', null, 'ch_1', 'prod_small', 'prod', 1, 1000, 0, 'EUR',
    1000
) as ignored \gset
select is(public.take_unsettled_payments('acme'), '[]'::jsonb, 'what is settled needs no asking');

select tests.act_as(:'buyer');
select is(
    public.list_payments(),
    jsonb_build_object(
        'items', jsonb_build_array(jsonb_build_object(
            'id', :'payment_id', 'package_id', 'small', 'status', 'paid', 'credits', 100, 'refunded_credits', 0,
            'amount', 1000, 'currency', 'EUR', 'paid_at', '2031-03-05T10:00:00+00:00',
            'created_at', '2031-03-05T10:00:00+00:00'
        )),
        'next_cursor', null
    ),
    'the buyer finds his purchase'
);
select is((select count(*)::integer from public.payments), 1, 'in the table too');
select tests.act_as(:'stranger');
select is(
    public.list_payments() -> 'items' || to_jsonb((select count(*) from public.payments)), '[0]'::jsonb,
    'a stranger finds none of his'
);

-- Pages.
select tests.stop_acting();
select count(public.record_payment(
    'acme', 'evt p' || n, 't', 'paid', '{}', 'ord p' || n, null, :'buyer', null, 'prod_small', 'prod', 1, 1000, 0,
    'EUR', 1000
)) as ignored from generate_series(1, 4) as n \gset
select tests.act_as(:'buyer');
select is(
    (
        with recursive pages as (
            select public.list_payments(null, 2) as page
            union all
            select public.list_payments(p.page ->> 'next_cursor', 2)
            from pages as p
            where p.page ->> 'next_cursor' is not null
        )

        select jsonb_build_array(count(distinct i.item ->> 'id'), count(*))
        from pages as p
        cross join jsonb_array_elements(p.page -> 'items') as i (item)
    ), '[5, 5]'::jsonb, 'page by page each purchase comes once'
);

-- A bound on what is begun and not paid. Of one the provider tells the refund before the payment.
select public.begin_checkout('small') ->> 'payment_id' as refunded_id \gset
select count(public.begin_checkout('small')) as ignored from generate_series(1, 19) \gset
select is(
    tests.error_of($$select public.begin_checkout('small')$$) - array['message', 'hint'],
    '{"code": "rate_limited", "status": 429, "headers": {"Retry-After": "600"},
        "details": {"retry_after_seconds": 600}}'::jsonb,
    'twenty purchases are begun in an hour, no more'
);
select tests.act_as(:'stranger');
select lives_ok($$select public.begin_checkout('small')$$, 'by one user: others are not held up');
select tests.act_as_role('service_role');
select public.record_payment(
    'acme', 'evt_2', 't', 'refunded', '{}', 'ord_2', :'refunded_id', paid_amount => 1000, refunded_amount => 1000
) as ignored \gset
select tests.stop_acting();
select tests.advance_time('1 hour') as ignored \gset
select tests.act_as(:'buyer');
select lives_ok($$select public.begin_checkout('small')$$, 'an hour later he may again');
select tests.stop_acting();
select tests.advance_time('29 days 23 hours') as ignored \gset
select tests.act_as(:'buyer');
select public.begin_checkout('small') as ignored \gset
select tests.stop_acting();
select is(
    (select count(*)::integer from public.payments as p where p.status = 'open'), 23,
    'for thirty days what he began can still be paid'
);
select tests.advance_time('31 days') as ignored \gset
select tests.act_as(:'buyer');
select public.begin_checkout('small') as ignored \gset
select tests.stop_acting();
select results_eq(
    $$
    select a.user_id, p.order_id
    from public.payments as p
    inner join public.credit_accounts as a on a.id = p.account_id
    where p.status = 'open'
    order by p.created_at, p.order_id
    $$,
    format(
        $$values (%1$L::uuid, 'ord_2'), (%2$L, null), (%1$L, null)$$, :'buyer', :'stranger'
    ), 'then what he never paid is forgotten, but no order, and nobody else''s'
);

select finish();
rollback;
