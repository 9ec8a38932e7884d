begin;
select plan(10);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as buyer \gset
select tests.create_user() as stranger \gset
-- Two providers, who give their products and their orders the same names.
insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id) values
('theirs', 'Theirs', 700, 1000, 'EUR', 'other', 'prod_small'),
('small', 'Small', 100, 1000, 'EUR', 'acme', 'prod_small');

create function pg_temp.paid(
    p_provider text, p_order_id text, p_payment_id uuid default null, p_user_id uuid default null
) returns jsonb
language sql
as $$
    select public.record_payment(
        p_provider, 'evt ' || p_order_id, 'order.paid', 'paid', '{}', p_order_id, p_payment_id, p_user_id, null,
        'prod_small', 'prod', 1, 1000, 0, 'EUR', 1000
    )
$$;
create function pg_temp.checkout_of(p_user_id uuid) returns uuid
language plpgsql
as $$
declare
    v_payment_id uuid;
begin
    perform tests.act_as(p_user_id);
    v_payment_id := public.begin_checkout('small') ->> 'payment_id';
    perform tests.stop_acting();
    return v_payment_id;
end
$$;

select pg_temp.checkout_of(:'stranger') as of_the_stranger \gset
select is(
    pg_temp.paid('acme', 'ord_1', null, :'buyer') ->> 'credits', '100', 'another provider''s product is another'
);
select is(
    (select jsonb_agg(jsonb_build_array(t.user_id, p.package_id)) from public.payments as p
    inner join public.credit_accounts as t on t.id = p.account_id where p.order_id = 'ord_1'),
    jsonb_build_array(jsonb_build_array(:'buyer', 'small')), 'it is the buyer''s, whoever else has begun a purchase'
);
select is(
    pg_temp.paid('other', 'ord_1', null, :'stranger') ->> 'credits', '700', 'another provider has an order of that name'
);
select is(
    jsonb_build_array(tests.balance_of(:'buyer'), tests.balance_of(:'stranger')), '[100, 700]'::jsonb,
    'each has what he paid for'
);

select pg_temp.checkout_of(:'buyer') as checkout \gset
select is(
    pg_temp.paid('other', 'ord_2', :'checkout', :'stranger') ->> 'credits', '700',
    'a provider may name a checkout of another one'
);
select is((select p.order_id from public.payments as p where p.id = :'checkout'), null, 'but does not get it');
select is(
    pg_temp.paid('acme', 'ord_2', :'checkout') - 'problem',
    jsonb_build_object(
        'result', 'applied', 'payment_id', :'checkout', 'status', 'paid', 'credits', 100, 'refunded_credits', 0
    ),
    'it is still there for its own order, whatever others call theirs'
);
select is(
    pg_temp.paid('acme', 'ord_3', :'checkout', :'stranger') ->> 'status', 'paid',
    'a stranger may pay by the same link'
);
select is(
    jsonb_build_array(tests.balance_of(:'buyer'), tests.balance_of(:'stranger')), '[200, 1500]'::jsonb, 'for himself'
);

select is(
    pg_temp.paid('acme', 'ord_1', :'of_the_stranger') ->> 'result', 'already_applied',
    'an order that we know takes no checkout'
);

select finish();
rollback;
