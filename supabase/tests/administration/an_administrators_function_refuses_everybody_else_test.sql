-- Every function called admin_… asks first who calls: with any arguments, and before it says anything else.
begin;
select plan(6);

select tests.create_user() as user_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as dismissed_id \gset
update auth.users set raw_app_meta_data = '{}', raw_user_meta_data = '{"role": "admin"}' where id = :'dismissed_id';

create temporary table calls as
select
    p.proname::text as name,
    format(
        'select public.%I(%s)', p.proname,
        (
            select string_agg(format('null::%s', format_type(a.type, null)), ', ' order by a.place)
            from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)
        )
    ) as call
from pg_catalog.pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.proname ~ '^admin_';
grant select on calls to public;

select cmp_ok((select count(*) from calls), '>=', 7::bigint, 'there is something to call');

select tests.act_as(:'user_id', '{"app_metadata": {"role": "admin"}, "user_metadata": {"role": "admin"}}');
select is_empty(
    $$select c.name, tests.error_of(c.call) from calls as c where tests.error_of(c.call) ->> 'code' <> 'not_admin'$$,
    'a user is refused, whatever his token says'
);
select tests.act_as(:'dismissed_id', '{"app_metadata": {"role": "admin"}}');
select is_empty(
    $$select c.name, tests.error_of(c.call) from calls as c where tests.error_of(c.call) ->> 'code' <> 'not_admin'$$,
    'so is an administrator who was dismissed, with a token from before'
);
select tests.act_as_role('anon');
select is_empty(
    $$select c.name from calls as c where tests.error_of(c.call) ->> 'sqlstate' is distinct from '42501'$$,
    'so is a visitor'
);
select tests.stop_acting();
select is_empty(
    $$select c.name from calls as c where tests.error_of_worker(c.call) ->> 'sqlstate' is distinct from '42501'$$,
    'so is the worker'
);
select tests.act_as_role('service_role');
select set_eq(
    $$select c.name from calls as c where tests.error_of(c.call) ->> 'sqlstate' is distinct from '42501'$$,
    array['admin_grant_credits', 'admin_set_credit_package'],
    'and the secret key gives credits and prices them, and does nothing else in an administrator''s place'
);

select tests.stop_acting();
select finish();
rollback;
