-- The roles, schemas and defaults that a hosted Supabase project has before anybody's first migration.
--
-- Run once by the superuser supabase_admin on an empty cluster. Role `postgres`, which runs the migrations, is NOT
-- a superuser, here as there: what only a superuser may do must fail on a developer's machine first.
-- Passwords are not set here; the supervisor gives every login role one after this file.

do $$
declare
    v_role record;
begin
    for v_role in
        select *
        from (
            values
                ('postgres', 'login createrole createdb bypassrls replication'),
                ('anon', 'nologin noinherit'),
                ('authenticated', 'nologin noinherit'),
                ('service_role', 'nologin noinherit bypassrls'),
                ('authenticator', 'login noinherit'),
                ('supabase_auth_admin', 'login noinherit createrole'),
                ('supabase_storage_admin', 'login noinherit createrole'),
                ('supabase_realtime_admin', 'nologin noinherit')
        ) as wanted (name, attributes)
    loop
        if not exists (select 1 from pg_catalog.pg_roles where rolname = v_role.name) then
            execute format('create role %I %s', v_role.name, v_role.attributes);
        end if;
    end loop;
end;
$$;

grant anon to authenticator;
grant authenticated to authenticator;
grant service_role to authenticator;

grant anon to supabase_storage_admin;
grant authenticated to supabase_storage_admin;
grant service_role to supabase_storage_admin;

grant anon to postgres with admin option;
grant authenticated to postgres with admin option;
grant service_role to postgres with admin option;
grant pg_monitor to postgres;
grant pg_read_all_data to postgres;
grant pg_signal_backend to postgres;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_storage_admin set search_path = storage;

-- Makes `postgres` the owner of schema public too (through pg_database_owner), and lets it create schemas.
alter database postgres owner to postgres;

create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists "uuid-ossp" with schema extensions;

-- The generous defaults of a project that exposes new objects by itself. Migrations that rely on them, or forget to
-- revoke, are caught by the tests of rights because they meet these defaults here.
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on functions to anon, authenticated, service_role;
