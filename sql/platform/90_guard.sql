-- What role `postgres` may do to the platform's own schemas: on a hosted project it may create, alter and drop
-- policies and triggers there, and nothing else. Run last, when those schemas are complete.
--
-- Postgres ties `create policy` and `drop trigger` to ownership, and hosted projects bend that with an extension which
-- is not packaged. So here `postgres` is made a member of the owners, and event triggers take back everything else
-- that membership gives. A migration that would fail on a hosted project fails here with the same code, 42501.

grant supabase_auth_admin to postgres;
grant supabase_storage_admin to postgres;
grant supabase_realtime_admin to postgres;

-- With rights of its own, `postgres` grants and revokes as itself and not as the owner it is a member of: so a
-- `revoke` from somebody to whom the owner granted changes nothing, as on a hosted project.
grant all on all tables in schema auth, storage to postgres with grant option;
grant all on all routines in schema auth, storage to postgres with grant option;

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

-- The linter's dialect does not know event triggers.
create event trigger platform_guard_ddl on ddl_command_end -- noqa: PRS
execute function platform_guard.refuse_ddl();

create event trigger platform_guard_drop on sql_drop
execute function platform_guard.refuse_drop();

-- The checks run as whoever issues the command, so everybody must reach them; they only read the catalogue.
grant usage on schema platform_guard to public;
