begin;
select plan(27);

select tests.configure('signup_bonus_credits', '0');
insert into public.credit_packages (id, name, credits, amount, currency, provider, mode, product_id)
values
('small', 'Small', 100, 1000, 'EUR', 'acme', 'test', 'prod_small'),
('cent', 'Cent', 5, 1, 'EUR', 'acme', 'test', 'prod_cent');

create function pg_temp.paid(p_order_id text, p_user_id uuid) returns text
language sql
as $$
    select public.record_payment(
        'acme', 'paid ' || p_order_id, 'order.paid', 'paid', '{}', p_order_id, null, p_user_id, null, 'prod_small',
        'test', 1, 1000, 0, 'EUR', 1210
    ) ->> 'status'
$$;
create function pg_temp.paid_back(p_order_id text, p_amount integer, p_kind text default 'refunded') returns text
language sql
as $$
    select concat_ws(' ', a ->> 'result', a ->> 'status', a ->> 'refunded_credits')
    from (
        select public.record_payment(
            'acme', p_kind || ' ' || p_order_id || p_amount, 'x', p_kind, '{}', p_order_id,
            paid_amount => 1210, refunded_amount => p_amount
        ) as a
    ) as r
$$;
create function pg_temp.books(p_user_id uuid) returns text
language sql
as $$
    select a.balance || ' / ' || a.debt from public.credit_accounts as a where a.user_id = p_user_id
$$;

-- In parts, in any order, more than once. The amounts are what has gone back so far, tax included.
select tests.create_user() as buyer \gset
select is(pg_temp.paid('ord_1', :'buyer'), 'paid', 'a purchase of 100 credits for 10.00, 12.10 with tax');
select is(pg_temp.paid_back('ord_1', 1), 'applied partially_refunded 0', 'a cent is no credit: rounded down');
select is(pg_temp.paid_back('ord_1', 13), 'applied partially_refunded 1', 'thirteen are one');
select is(pg_temp.paid_back('ord_1', 605), 'applied partially_refunded 50', 'half of it goes back');
select is(pg_temp.books(:'buyer'), '50 / 0', 'with half of the credits');
select is(pg_temp.paid_back('ord_1', 605), 'already_applied partially_refunded 50', 'told again it is the same half');
select is(pg_temp.paid_back('ord_1', 300), 'already_applied partially_refunded 50', 'an earlier part that comes late');
select is(pg_temp.paid_back('ord_1', 606), 'applied partially_refunded 50', 'a cent more is still no credit');
select is(pg_temp.paid_back('ord_1', 1210), 'applied refunded 100', 'all of it goes back');
select is(pg_temp.paid_back('ord_1', 9999), 'applied refunded 100', 'more than all is all');
select is(pg_temp.paid('ord_1', :'buyer'), 'refunded', 'the payment told again does not undo that');
select is(pg_temp.books(:'buyer'), '0 / 0', 'nothing is left, nothing is owed');
select is(
    (
        select jsonb_agg(
            jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key) order by t.entry_no
        )
        from public.credit_transactions as t
        inner join public.credit_accounts as a on a.id = t.account_id
        where a.user_id = :'buyer'
    ),
    '[["purchase", 100, "system", "Purchase: Small", "acme:ord_1"],
        ["purchase_refund", -1, "system", "Refund of a purchase", "acme:ord_1:1"],
        ["purchase_refund", -49, "system", "Refund of a purchase", "acme:ord_1:50"],
        ["purchase_refund", -50, "system", "Refund of a purchase", "acme:ord_1:100"]]'::jsonb,
    'each step is an entry'
);

select public.record_payment(
    'acme', 'evt_c', 't', 'paid', '{}', 'ord_c', user_id => :'buyer', product_id => 'prod_cent', mode => 'test',
    amount => 1, currency => 'EUR', paid_amount => 1
) as ignored \gset
select is(
    public.record_payment('acme', 'evt_d', 't', 'refunded', '{}', 'ord_c', paid_amount => 1, refunded_amount => 1)
    - array['payment_id', 'problem'],
    '{"result": "applied", "status": "refunded", "credits": 5, "refunded_credits": 5}'::jsonb,
    'of the smallest price too'
);

-- Told before the payment.
select tests.create_user() as early \gset
select is(pg_temp.paid_back('ord_2', 1210), 'applied open 0', 'a refund of an order that we do not know yet');
select is(pg_temp.paid('ord_2', :'early'), 'refunded', 'is taken back as soon as we do');
select is(pg_temp.books(:'early'), '0 / 0', 'so the buyer has nothing of it');

-- Spent already.
select tests.create_user() as spender \gset
select pg_temp.paid('ord_3', :'spender') as ignored \gset
select tests.order_video(:'spender') as ignored \gset
select is(pg_temp.books(:'spender'), '20 / 0', '80 of 100 credits are spent');
select is(pg_temp.paid_back('ord_3', 1210), 'applied refunded 100', 'all goes back');
select is(pg_temp.books(:'spender'), '0 / 80', 'what is not there is owed');
select pg_temp.paid('ord_4', :'spender') as ignored \gset
select is(pg_temp.books(:'spender'), '20 / 0', 'and the next purchase pays it');

-- A dispute.
select is(pg_temp.paid_back('ord_4', 1210, 'disputed'), 'applied disputed 100', 'a dispute takes all back');
select results_eq(
    $$select a.kind, a.severity, a.subject from private.alerts as a where a.kind like 'payment%'$$,
    $$values ('payment_disputed', 'warning', 'acme:ord_4')$$,
    'and an operator hears of it'
);
select is(
    pg_temp.paid_back('ord_4', 1210, 'disputed') || ', ' || pg_temp.paid_back('ord_4', 1210),
    'already_applied disputed 100, already_applied disputed 100', 'told again, or as a refund, it changes nothing'
);

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

update public.payments set refunded_credits = 99 where order_id = 'ord_1';
update public.payments set credits = 101 where order_id = 'ord_4';
select set_eq(
    $$
    select a.finding, a.detail -> 'given' as given, a.detail -> 'taken_back' as taken_back
    from private.audit_ledger() as a
    $$,
    $$values ('payment_is_not_in_the_ledger', '100'::jsonb, '100'::jsonb)$$,
    'a payment that says something else than the ledger is found'
);
select is((select count(*)::integer from private.audit_ledger()), 2, 'each of them');

select finish();
rollback;
