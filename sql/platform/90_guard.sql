-- What role `postgres` may do to the platform's own schemas: on a hosted project it may create, alter and drop
-- policies and triggers there, and nothing else. Run last, when those schemas are complete.
--
-- Postgres ties `create policy` and `drop trigger` to ownership, and hosted projects bend that with an extension which
-- is not packaged. So here `postgres` is made a member of the owners, and event triggers take back everything else
-- that membership gives. A migration that would fail on a hosted project fails here with the same code, 42501.

grant supabase_auth_admin to postgres;
grant supabase_storage_admin to postgres;

create schema if not exists platform_guard;

-- The caller is restricted whichever way it became `postgres`, and also after `set role` to one of the owners.
create function platform_guard.is_restricted()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
    select 'postgres' in (session_user, current_user);
$$;

create function platform_guard.is_platform_schema(p_schema text)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
    select p_schema in ('auth', 'storage', 'realtime', 'vault', 'net', 'cron', 'platform_guard');
$$;

create function platform_guard.refuse_ddl()
returns event_trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_command record;
begin
    if not platform_guard.is_restricted() then
        return;
    end if;

    for v_command in select * from pg_event_trigger_ddl_commands() loop
        -- Policies and triggers have no schema of their own: their identity is "name on schema.table".
        if platform_guard.is_platform_schema(
            coalesce(v_command.schema_name, substring(v_command.object_identity from ' on ([a-z_]+)\.'))
        )
        and v_command.command_tag not in (
            'CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER', 'ALTER TRIGGER', 'GRANT', 'REVOKE'
        )
        then
            raise exception 'must be owner of % %', v_command.object_type, v_command.object_identity
                using errcode = 'insufficient_privilege',
                    detail = format('Role postgres may not run %s there on a hosted project.', v_command.command_tag),
                    hint = 'Only policies and triggers may be added to the schemas of the platform.';
        end if;
    end loop;
end;
$$;

create function platform_guard.refuse_drop()
returns event_trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_dropped record;
begin
    if not platform_guard.is_restricted() then
        return;
    end if;

    for v_dropped in select * from pg_event_trigger_dropped_objects() loop
        if platform_guard.is_platform_schema(v_dropped.schema_name)
        and v_dropped.object_type not in ('policy', 'trigger')
        then
            raise exception 'must be owner of % %', v_dropped.object_type, v_dropped.object_identity
                using errcode = 'insufficient_privilege';
        end if;
    end loop;
end;
$$;

create function platform_guard.rights_digest()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
    select md5(string_agg(o.identity || ' ' || coalesce(o.acl::text, ''), E'\n' order by o.identity))
    from (
        select
            c.oid::regclass::text as identity,
            array_cat(c.relacl, array_agg(a.acl) filter (where a.acl is not null)) as acl
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
        left join lateral (
            select unnest(attacl) as acl
            from pg_catalog.pg_attribute
            where attrelid = c.oid
        ) as a on true
        where platform_guard.is_platform_schema(n.nspname)
        group by c.oid, c.relacl
        union all
        select
            p.oid::regprocedure::text as identity,
            p.proacl as acl
        from pg_catalog.pg_proc as p
        inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
        where platform_guard.is_platform_schema(n.nspname)
    ) as o;
$$;

-- `revoke` on the platform's objects changes nothing on a hosted project (a warning at most); with membership it would
-- work here and hide the hole. Event triggers do not say which object a revoke names, so its effect is compared.
create function platform_guard.refuse_revoke()
returns event_trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    if not platform_guard.is_restricted() then
        return;
    end if;

    if tg_event = 'ddl_command_start' then
        perform set_config('platform_guard.rights', platform_guard.rights_digest(), true);
    elsif current_setting('platform_guard.rights', true) is distinct from platform_guard.rights_digest() then
        raise exception 'privileges on the schemas of the platform cannot be revoked by role postgres'
            using errcode = 'insufficient_privilege';
    end if;
end;
$$;

-- The linter's dialect does not know event triggers.
create event trigger platform_guard_ddl on ddl_command_end -- noqa: PRS
execute function platform_guard.refuse_ddl();

create event trigger platform_guard_drop on sql_drop
execute function platform_guard.refuse_drop();

create event trigger platform_guard_revoke_start on ddl_command_start
when tag in ('REVOKE')
execute function platform_guard.refuse_revoke();

create event trigger platform_guard_revoke_end on ddl_command_end
when tag in ('REVOKE')
execute function platform_guard.refuse_revoke();

-- The checks run as whoever issues the command, so everybody must reach them; they only read the catalogue.
grant usage on schema platform_guard to public;
