-- Where things live, and who may see nothing by default.
--
-- public      what clients see: tables readable by column under RLS, and thin RPC wrappers
-- private     logic and state that no client can name
-- worker_api  the verbs of the worker, and nothing else
--
-- Default privileges are revoked before the first object exists. Each object still states its own grants:
-- a project's defaults may change, and supabase_admin's defaults cannot be changed from here.
create extension if not exists pg_cron with schema pg_catalog;

do $$
begin
    -- Hosted projects ship pg_net; a local platform may bring the schema "net" without the extension.
    if exists (select from pg_available_extensions where name = 'pg_net') then
        create extension if not exists pg_net with schema extensions;
    end if;
end
$$;

alter default privileges for role postgres revoke execute on functions from public;
alter default privileges for role postgres in schema public
revoke all on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke all on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke all on functions from anon, authenticated, service_role;

-- A live project may have a schema of that name: its owner's grants on it stay. Each object of ours in it is closed
-- by itself, and sql/preflight.sql makes sure that the API does not expose it.
do $$
begin
    if to_regnamespace('private') is null then
        create schema private;
        revoke all on schema private from public, anon, authenticated, service_role;
        comment on schema private is 'Logic and state of Reelbase. No client role has USAGE.';
    end if;
end
$$;

create schema if not exists worker_api;
revoke all on schema worker_api from public, anon, authenticated, service_role;
comment on schema worker_api is 'The verbs of the video worker. Contract: worker_api.contract_version().';
