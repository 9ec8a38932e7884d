-- The administrator is read from auth.users in each call: neither a token nor what a user writes about himself counts.
begin;
select plan(20);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(100) as user_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as banned_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as dismissed_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as deleted_id \gset
select tests.create_user() as poser_id \gset
update auth.users set banned_until = '2031-03-06 10:00:00+00' where id = :'banned_id';
update auth.users set raw_app_meta_data = '{"role": "support"}' where id = :'dismissed_id';
update auth.users set deleted_at = now() where id = :'deleted_id';
update auth.users set raw_user_meta_data = '{"role": "admin"}' where id = :'poser_id';

create function pg_temp.outcome(p_user_id text) returns text
language sql
as $$
    select coalesce(
        tests.error_of(format('select public.admin_grant_credits(%L, 1, ''x'')', p_user_id)) ->> 'code', 'granted'
    )
$$;
grant execute on function pg_temp.outcome(text) to public;

select tests.act_as(:'admin_id');
select is(pg_temp.outcome(:'user_id'), 'granted', 'an administrator');
select is(pg_temp.outcome(:'admin_id'), 'granted', 'also to himself');
select tests.act_as(:'admin_id', '{"app_metadata": {}}');
select is(pg_temp.outcome(:'user_id'), 'granted', 'whose token does not know it yet');

select tests.act_as(:'user_id');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not a user');
select is(
    tests.error_of(format('select public.admin_grant_credits(%L, 1, ''x'')', :'user_id')) - 'message',
    '{"code": "not_admin", "status": 403, "details": {}, "hint": null, "headers": {}}'::jsonb, 'with 403'
);
select is(
    tests.error_of('select public.admin_grant_credits(null, null, null)') ->> 'code', 'not_admin',
    'before he learns what else is wrong'
);
select tests.act_as(:'user_id', '{"app_metadata": {"role": "admin"}}');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not by the claims of a token');
select tests.act_as(:'user_id', '{"user_metadata": {"role": "admin"}, "user_role": "admin", "is_admin": true}');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'nor by others');
select tests.act_as(:'poser_id', '{"user_metadata": {"role": "admin"}}');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not by what he wrote about himself');
select tests.act_as(:'dismissed_id', '{"app_metadata": {"role": "admin"}}');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not any more, with a token from before');
select tests.act_as(:'deleted_id', '{"app_metadata": {"role": "admin"}}');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not after his deletion');
select tests.act_as(:'banned_id');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not while he is banned');
select tests.stop_acting();
select tests.set_time('2031-03-06 10:00:01+00');
select tests.act_as(:'banned_id');
select is(pg_temp.outcome(:'user_id'), 'granted', 'but when the ban is over');
select tests.act_as(gen_random_uuid());
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not somebody there is not');
select tests.act_as_role('authenticated');
select is(pg_temp.outcome(:'user_id'), 'not_admin', 'not somebody without a name');
select tests.act_as_role('anon');
select throws_ok(
    format('select public.admin_grant_credits(%L, 1, ''x'')', :'user_id'), '42501', null, 'not a visitor'
);
select tests.stop_acting();
select is(
    tests.error_of_worker(format('select public.admin_grant_credits(%L, 1, ''x'')', :'user_id')) ->> 'sqlstate',
    '42501', 'not the worker'
);

-- Who acts is written down.
select tests.act_as_role('service_role');
select is(pg_temp.outcome(:'user_id'), 'granted', 'service_role may');
select tests.stop_acting();
select is(pg_temp.outcome(:'user_id'), 'granted', 'and so may an operator in a session of the database');
select is(
    (
        select array_agg(distinct t.actor)
        from public.credit_transactions as t
        inner join public.credit_accounts as a on t.account_id = a.id
        where a.user_id = :'user_id'
    ),
    (
        select array_agg(n.name order by n.name)
        from unnest(array['admin:' || :'admin_id', 'admin:' || :'banned_id', 'operator', 'service_role']) as n (name)
    ),
    'each by his own name'
);

select finish();
rollback;
