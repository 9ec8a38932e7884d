-- Not the catalogue but the act: every function is called and every table touched by every role that holds no grant
-- for it, a role without any grant among them.
begin;
select plan(12);

create role nobody_in_particular nologin noinherit;
do $$
begin
    execute format('grant nobody_in_particular to %I', current_user);
    if not pg_has_role(current_user, 'video_worker', 'member') then
        execute format('grant video_worker to %I', current_user);
    end if;
end
$$;

-- What came back when this role ran this statement: the sqlstate, or 'ok'.
create function pg_temp.attempt(p_role text, p_sql text) returns text
language plpgsql
as $$
declare
    v_state text := 'ok';
begin
    begin
        perform set_config('request.jwt.claims', jsonb_build_object('role', p_role)::text, true);
        perform set_config('role', p_role, true);
        execute p_sql;
    exception
        when others then
            get stacked diagnostics v_state = returned_sqlstate;
    end;
    perform tests.stop_acting();
    return v_state;
end
$$;

create temporary table functions as
select
    p.oid,
    r.rolname as role,
    format(
        'select %s(%s)', p.oid::regproc,
        (
            select string_agg(format('null::%s', format_type(a.type, null)), ', ' order by a.place)
            from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)
        )
    ) as call,
    coalesce(has_function_privilege(r.rolname, p.oid, 'execute'), false)
    and has_schema_privilege(r.rolname, p.pronamespace, 'usage') as is_allowed
from pg_catalog.pg_proc as p
cross join unnest(
    array['anon', 'authenticated', 'service_role', 'video_worker', 'nobody_in_particular']
) as r (rolname)
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
    and p.prorettype <> 'trigger'::regtype;

select cmp_ok((select count(*) from functions), '>=', 300::bigint, 'there is something to try');
select is_empty(
    $$
    select f.role, f.call, pg_temp.attempt(f.role, f.call)
    from functions as f
    where not f.is_allowed and pg_temp.attempt(f.role, f.call) <> '42501'
    $$,
    'a function that a role was not given cannot be called by it'
);
select is(
    (select count(*) from functions as f where f.role = 'nobody_in_particular' and f.is_allowed), 0::bigint,
    'a role without grants can call nothing'
);
select is_empty(
    $$select f.call from functions as f where f.is_allowed and f.call like 'select private.%'$$,
    'nobody calls a function of schema private by its name'
);
select is_empty(
    $$
    select f.role, f.call
    from functions as f
    where f.is_allowed and f.call like 'select worker_api.%' and f.role <> 'video_worker'
    $$,
    'nobody but the worker calls its verbs'
);
select is_empty(
    $$
    select f.call
    from functions as f
    where f.is_allowed and f.role = 'video_worker' and f.call not like 'select worker_api.%'
    $$,
    'and the worker calls nothing else'
);

create temporary table touches as
select
    r.rolname as role,
    c.oid::regclass as relation,
    o.operation,
    case o.operation
        when 'select' then format('select count(*) from %s', c.oid::regclass)
        when 'insert' then format('insert into %s default values', c.oid::regclass)
        when 'update' then format('update %s set %I = null', c.oid::regclass, a.attname)
        when 'delete' then format('delete from %s', c.oid::regclass)
        when 'truncate' then format('truncate %s', c.oid::regclass)
        when 'lock' then format('lock table %s in share mode', c.oid::regclass)
    end as statement,
    has_schema_privilege(r.rolname, c.relnamespace, 'usage')
    and case
        when o.operation in ('select', 'insert', 'update') then has_any_column_privilege(r.rolname, c.oid, o.operation)
        when o.operation = 'lock' then false
        else has_table_privilege(r.rolname, c.oid, o.operation)
    end as is_allowed
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum = 1
cross join unnest(
    array['anon', 'authenticated', 'service_role', 'video_worker', 'nobody_in_particular']
) as r (rolname)
cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'lock']) as o (operation)
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
    and (c.relkind = 'r' or (c.relkind = 'v' and o.operation not in ('truncate', 'lock')));

select cmp_ok((select count(*) from touches), '>=', 500::bigint, 'there is something to touch');
select is_empty(
    $$
    select t.role, t.statement, pg_temp.attempt(t.role, t.statement)
    from touches as t
    where not t.is_allowed and pg_temp.attempt(t.role, t.statement) not in ('42501', '55000')
    $$,
    'a table that a role was not given cannot be read, written, emptied or locked by it'
);
select is_empty(
    $$select t.role, t.statement from touches as t where t.is_allowed and t.operation <> 'select'
        and t.statement not like 'update profiles%' and t.statement not like 'update system_configs%'$$,
    'but for a user''s own name and the service''s configuration nobody writes a table'
);
select is_empty(
    $$
    select t.statement
    from touches as t
    where t.is_allowed and t.role in ('anon', 'video_worker', 'nobody_in_particular')
    $$,
    'a visitor, the worker and a role without grants touch nothing at all'
);

-- The schemas themselves.
select is(
    (
        select jsonb_object_agg(s.nspname, s.roles)
        from (
            select
                n.nspname,
                string_agg(r.rolname, ' ' order by r.rolname) filter (
                    where has_schema_privilege(r.rolname, n.oid, 'usage')
                ) as roles
            from pg_catalog.pg_namespace as n
            cross join unnest(
                array['anon', 'authenticated', 'service_role', 'video_worker', 'nobody_in_particular']
            ) as r (rolname)
            where n.nspname in ('private', 'worker_api', 'vault', 'cron')
            group by n.nspname
        ) as s
    ),
    '{"private": null, "worker_api": "video_worker", "vault": "service_role", "cron": null}'::jsonb,
    'private is open to nobody, worker_api to the worker'
);
select is_empty(
    $$
    select r.rolname, n.nspname
    from pg_catalog.pg_namespace as n
    cross join unnest(
        array['anon', 'authenticated', 'service_role', 'video_worker', 'nobody_in_particular']
    ) as r (rolname)
    where n.nspname in ('public', 'private', 'worker_api') and has_schema_privilege(r.rolname, n.oid, 'create')
    $$,
    'nobody makes objects in our schemas'
);

select finish();
rollback;
