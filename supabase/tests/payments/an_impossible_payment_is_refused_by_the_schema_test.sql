begin;
select plan(13);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as buyer \gset
insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id)
values ('small', 'Small', 100, 1000, 'EUR', 'acme', 'prod_small');
select public.record_payment(
    'acme', 'evt_1', 't', 'paid', '{}', 'ord_1', null, :'buyer', null, 'prod_small', 'prod', 1, 1000, 0, 'EUR', 1000
) ->> 'payment_id' as payment_id \gset

create function pg_temp.refused_by(p_set text) returns text
language sql
as $$select tests.constraint_of('update public.payments set ' || p_set)$$;

select is(pg_temp.refused_by('status = ''open'''), 'payment_with_credits_names_its_entry', 'given, and yet open');
select is(
    pg_temp.refused_by('status = ''held'', problem = ''x'''), 'payment_with_credits_names_its_entry',
    'given, and yet held'
);
select is(pg_temp.refused_by('purchase_entry_id = null'), 'payment_with_credits_names_its_entry', 'paid without entry');
select is(pg_temp.refused_by('problem = ''x'''), 'payment_is_held_for_a_reason', 'a problem that holds up nothing');
select is(
    pg_temp.refused_by('status = ''held'', purchase_entry_id = null'), 'payment_is_held_for_a_reason',
    'held for no reason'
);
select is(
    pg_temp.refused_by('account_id = null'), 'payment_without_an_account_gives_nothing', 'credits that nobody got'
);
select is(
    pg_temp.refused_by('refunded_credits = 101'), 'payment_takes_back_what_it_gave', 'more taken back than given'
);
select is(pg_temp.refused_by('amount = -1'), 'payment_amounts_are_never_negative', 'less than nothing paid');
select is(pg_temp.refused_by('status = ''gone'''), 'payment_status_is_known', 'a status that does not exist');
select is(
    tests.constraint_of('insert into public.payments (provider, order_id) values (''acme'', ''ord_1'')'),
    'payment_is_one_order', 'the same order twice'
);
select is(
    tests.constraint_of(
        'insert into public.payments (provider, status, account_id, credits, purchase_entry_id) '
        'select ''acme'', ''paid'', account_id, credits, purchase_entry_id from public.payments'
    ),
    'payments_purchase_entry_id_key', 'one entry for two payments'
);
select is(
    tests.constraint_of('update public.credit_packages set currency = ''euro'''), 'package_currency_is_iso_4217',
    'a currency that is none'
);
select is(
    tests.constraint_of(
        'insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id) '
        'values (''twin'', ''Twin'', 1, 1, ''EUR'', ''acme'', ''prod_small'')'
    ),
    'package_is_one_product', 'two packages of one product'
);

select finish();
rollback;
