begin;
select plan(10);

select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_user() as user_id \gset

select tests.act_as(:'admin_id');
select is(
    public.admin_set_credit_package('small', 'new', 'Small', 100, 1000, 'EUR', 'acme', null, 'prod_small')
    - 'created_at',
    '{"id": "small", "name": "Small", "credits": 100, "amount": 1000, "currency": "EUR", "provider": "acme",
        "mode": "prod", "product_id": "prod_small", "place": 0, "is_enabled": true}'::jsonb,
    'a new package'
);
select is(
    public.admin_set_credit_package('small', 'dearer', amount => 1200) - array['created_at', 'id', 'place', 'mode'],
    '{"name": "Small", "credits": 100, "amount": 1200, "currency": "EUR", "provider": "acme",
        "product_id": "prod_small", "is_enabled": true}'::jsonb,
    'a change of what is given'
);
select is(
    public.admin_set_credit_package('small', 'sold out', is_enabled => false) ->> 'is_enabled', 'false',
    'taken off sale'
);
select is(public.list_credit_packages(), '[]'::jsonb, 'nobody is shown it any more');
select is(
    tests.error_of($$select public.admin_set_credit_package('large', 'new', 'Large')$$) #>> '{details,parameter}',
    'credits', 'a new one needs more than a name'
);
select is(
    tests.error_of($$select public.admin_set_credit_package('small', 'why', credits => 0)$$) #>> '{details,allowed}',
    'package_has_credits', 'what the schema refuses is told by the name of the rule'
);
select is(
    tests.error_of(
        $$select public.admin_set_credit_package('twin', 'new', 'Twin', 1, 1, 'EUR', 'acme', null, 'prod_small')$$
    ) #>> '{details,allowed}', 'package_is_one_product', 'one product, one package'
);

select tests.act_as(:'user_id');
select tests.throws_code(
    $$select public.admin_set_credit_package('small', 'why', credits => 100000)$$, 'not_admin', 'users set no prices'
);
select tests.act_as_role('anon');
select throws_ok(
    $$select public.admin_set_credit_package('small', 'why', credits => 100000)$$, '42501', null, 'nor do visitors'
);
select tests.stop_acting();
select is(
    (
        select jsonb_agg(
            jsonb_build_array(c.actor, c.reason, c.details #> '{before,amount}', c.details #> '{after,amount}')
            order by c.id
        )
        from private.admin_actions as c
        where c.action = 'set_credit_package'
    ),
    jsonb_build_array(
        jsonb_build_array('admin:' || :'admin_id', 'new', null, 1000),
        jsonb_build_array('admin:' || :'admin_id', 'dearer', 1000, 1200),
        jsonb_build_array('admin:' || :'admin_id', 'sold out', 1200, 1200)
    ),
    'what was before and after is kept, and why'
);

select finish();
rollback;
