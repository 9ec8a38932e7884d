-- In a live project that had a table system_configs, it is shared: a row without a type is the host application's.
begin;
select plan(14);

-- What such a project has: a row, and rights and a policy that are wide open.
insert into public.system_configs (key, value) values ('host_banner', '{"any": ["json"]}');
grant select, insert, update, delete on public.system_configs to authenticated;
create policy host_policy on public.system_configs for all to authenticated using (true) with check (true);
delete from private.system_config_changes;
select tests.create_user() as user_id \gset

select is(
    (select count(*) from private.settings as s where s.concurrent_limit = 3), 1::bigint,
    'its row is no setting of ours'
);
select tests.act_as(:'user_id');
select is(
    (select array_agg(c.key) from public.system_configs as c), array['host_banner'],
    'whatever its policies open, a user sees its rows and none of ours'
);
update public.system_configs set value = '"changed"';
select lives_ok(
    $$insert into public.system_configs (key, value) values ('host_other', '1')$$, 'he writes what they let him write'
);
select throws_ok(
    $$insert into public.system_configs (key, value, value_type, description) values ('x', '1', 'number', 'x')$$,
    '42501', null, 'but no row of ours'
);
select throws_ok(
    $$update public.system_configs set value_type = 'text', description = 'x' where key = 'host_banner'$$,
    '42501', null, 'nor makes one of it'
);
delete from public.system_configs;
select tests.stop_acting();
select is(
    (select c.value from public.system_configs as c where c.key = 'video_concurrent_limit'), '3',
    'ours keep their values'
);
select is(
    (select count(*) from public.system_configs as c where c.value_type is null), 0::bigint,
    'its rows are gone, as asked'
);
select is((select count(*) from private.system_config_changes), 0::bigint, 'and we keep no history of them');

select tests.act_as_role('anon');
select throws_ok('select * from public.system_configs', '42501', null, 'a visitor still sees nothing');
select tests.stop_acting();
grant select on public.system_configs to anon;
create policy host_policy_for_visitors on public.system_configs for select to anon using (true);
insert into public.system_configs (key, value) values ('host_banner', '1');
select tests.act_as_role('anon');
select is(
    (select array_agg(c.key) from public.system_configs as c), array['host_banner'],
    'or what the host application shows to visitors'
);
select tests.stop_acting();

select tests.violates(
    $$insert into public.system_configs (key, value, value_type) values ('x', '1', 'number')$$,
    'config_of_ours_is_described'
);
select is_empty(
    $$
    select p.oid::regprocedure
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_proc as p on p.oid = d.refobjid and d.refclassid = 'pg_proc'::regclass
    where p.pronamespace = 'private'::regnamespace
        and d.objid in (
            select c.oid from pg_catalog.pg_constraint as c where c.conrelid = 'public.system_configs'::regclass
            union all
            select a.oid from pg_catalog.pg_attrdef as a where a.adrelid = 'public.system_configs'::regclass
        )
    $$,
    'no check and no default calls a function that the roles of a host application could not execute'
);

-- A client that could hide one of our rows by taking its type off would switch a setting off.
select tests.act_as_role('service_role');
select throws_ok(
    $$update public.system_configs set value_type = null where key = 'video_concurrent_limit'$$, '42501', null,
    'nobody takes the type off a row of ours'
);
select throws_ok(
    $$update public.system_configs set key = 'y' where key = 'video_concurrent_limit'$$, '42501', null, 'or its name'
);

select finish();
rollback;
