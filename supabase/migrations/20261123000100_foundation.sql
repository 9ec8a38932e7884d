-- Schemas, the worker's role, the clock, error codes, who is calling, alerts.
-- First version: made from sql/schema/10_foundation, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

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

-- Tables that a live project had before us and that we share with it instead of making our own.
--
-- An adopted table keeps its columns, rows, grants and policies. We add the columns we need, and remove them again
-- when we go (sql/uninstall.sql). What fits, and what does not, sql/preflight.sql says before anything is touched.
create table private.adopted_tables (
    name text primary key,
    had_columns text[] not null,
    had_keys text[] not null default '{}',
    adopted_at timestamptz not null default now()
);

comment on table private.adopted_tables is 'Tables of schema public that were there before us, and their columns.';
comment on column private.adopted_tables.had_columns is 'Columns of the host application: never dropped by us.';
comment on column private.adopted_tables.had_keys is 'Keys of system_configs that the host application had.';
alter table private.adopted_tables enable row level security;
revoke all on table private.adopted_tables from public, anon, authenticated, service_role;

insert into private.adopted_tables (name, had_columns)
select
    c.relname,
    array_agg(a.attname::text order by a.attnum) as had_columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
where
    c.relnamespace = 'public'::regnamespace
    and c.relname in ('profiles', 'system_configs')
    and a.attnum > 0
    and not a.attisdropped
group by c.relname;

create function private.is_adopted(p_name text) returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
    select exists (select from private.adopted_tables as a where a.name = p_name)
$$;

comment on function private.is_adopted(text) is 'Whether a table of schema public belonged to the project before us.';
revoke all on function private.is_adopted(text) from public, anon, authenticated, service_role;

-- The worker's login. It can execute the verbs in worker_api and owns nothing.
--
-- The role is made without a password: an operator sets one after each `db push` into a new project and after
-- each restore (backups do not hold the passwords of custom roles).
do $$
begin
    if not exists (select from pg_roles where rolname = 'video_worker') then
        create role video_worker login noinherit nocreatedb nocreaterole;
    end if;
end
$$;

alter role video_worker set statement_timeout = '15s';
alter role video_worker set idle_in_transaction_session_timeout = '15s';
grant usage on schema worker_api to video_worker;

-- The one clock of the system.
--
-- Clock time, not transaction start: a time is taken after the lock it depends on, so it orders events as the
-- locks did. A test replaces this function inside its own database; nothing sleeps in a test.
create function private.now() returns timestamptz
language sql
volatile
security invoker
set search_path = ''
as $$
    select clock_timestamp()
$$;

comment on function private.now() is 'Clock time. The only clock the schema reads.';
revoke all on function private.now() from public, anon, authenticated, service_role;

-- Every error a caller of a public function can meet, with its HTTP status.
--
-- `private.raise_error` refuses a code that is not here, so this table, the reference docs and the code cannot
-- drift apart. Reasons for which a task fails are in private.failure_codes.
create table private.error_codes (
    code text primary key,
    http_status integer not null,
    meaning text not null,
    constraint error_code_is_snake_case check (code ~ '^[a-z][a-z_]+$'),
    constraint error_status_is_an_http_error check (http_status between 400 and 599)
);

comment on table private.error_codes is 'Every error of the public functions: code, HTTP status, meaning.';
alter table private.error_codes enable row level security;
revoke all on table private.error_codes from public, anon, authenticated, service_role;

insert into private.error_codes (code, http_status, meaning) values
('not_authenticated', 401, 'The caller has no user id: sign in first.'),
('insufficient_credits', 402, 'The balance is below the price. details: {required, available}.'),
('not_admin', 403, 'Only an administrator may call this.'),
('not_in_rollout', 403, 'Video generation is not open for this user yet.'),
('task_not_found', 404, 'There is no such task, or it is somebody else''s.'),
('item_not_found', 404, 'There is no such showcase item, or it is not visible.'),
('image_not_found', 404, 'There is no such image, or it is somebody else''s.'),
('user_not_found', 404, 'There is no such user.'),
('idempotency_conflict', 409, 'The key was used with other parameters. details: {fields}.'),
('illegal_state', 409, 'The task is not in a state that allows this. details: {status, stage}.'),
('invalid_parameter', 422, 'A parameter is missing or out of range. details: {parameter, allowed}.'),
('prompt_rejected', 422, 'The prompt breaks the rules of the platform.'),
('concurrent_limit_exceeded', 429, 'Too many tasks are running. details: {limit, active, retry_after_seconds}.'),
('rate_limited', 429, 'Too many calls. details: {retry_after_seconds}.'),
('generation_disabled', 503, 'Generation is switched off. details: {message, until, retry_after_seconds}.'),
('model_unavailable', 503, 'The model is not offered at the moment. details: {retry_after_seconds}.'),
('spend_cap_reached', 503, 'The budget of the day is used up. details: {retry_after_seconds}.');

-- Raises an error that PostgREST turns into {code, message, details, hint} with the HTTP status of the code.
-- `details` is a string that holds JSON: PostgREST answers 500 to an object. 429 and 503 also get a Retry-After
-- header from details.retry_after_seconds.
create function private.raise_error(
    p_code text,
    p_message text,
    p_details jsonb default '{}',
    p_hint text default null
) returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_status integer;
    v_headers jsonb := '{}'::jsonb;
begin
    select e.http_status into strict v_status from private.error_codes as e where e.code = p_code;

    if p_details ? 'retry_after_seconds' then
        v_headers := jsonb_build_object('Retry-After', p_details ->> 'retry_after_seconds');
    end if;

    raise sqlstate 'PGRST' using
        message = jsonb_build_object(
            'code', p_code, 'message', p_message, 'details', p_details::text, 'hint', p_hint
        )::text,
        detail = jsonb_build_object('status', v_status, 'headers', v_headers)::text;
end
$$;

comment on function private.raise_error(text, text, jsonb, text) is
'Raises an error of private.error_codes in the form PostgREST turns into an HTTP answer. Never returns.';
revoke all on function private.raise_error(text, text, jsonb, text) from public, anon, authenticated, service_role;

-- Who is calling.

-- The signed-in user. Raises not_authenticated for a caller without a `sub` claim.
create function private.current_user_id() returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_user_id uuid := auth.uid();
begin
    if v_user_id is null then
        perform private.raise_error('not_authenticated', 'Sign in to continue.');
    end if;
    return v_user_id;
end
$$;

comment on function private.current_user_id() is 'The caller''s user id; raises not_authenticated without one.';
revoke all on function private.current_user_id() from public, anon, authenticated, service_role;

-- Who acts with an administrator's rights: 'admin:<user id>', 'service_role', or 'operator' for a direct database
-- session that presents no token. Raises not_admin for everybody else. The role is read from auth.users, not from
-- the token: a dismissed administrator loses his rights at once. user_metadata is never asked, users write it.
create function private.require_admin() returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    v_user_id uuid := auth.uid();
begin
    if v_claims is null then
        return 'operator';
    end if;

    if v_claims ->> 'role' = 'service_role' then
        return 'service_role';
    end if;

    if v_user_id is null or not exists (
        select
        from auth.users as u
        where u.id = v_user_id
            and u.raw_app_meta_data ->> 'role' = 'admin'
            and u.deleted_at is null
            and (u.banned_until is null or u.banned_until < private.now())
    ) then
        perform private.raise_error('not_admin', 'Only an administrator may do this.');
    end if;

    return 'admin:' || v_user_id;
end
$$;

comment on function private.require_admin() is
'The acting administrator as text; raises not_admin. Reads auth.users, so a dismissal counts at once.';
revoke all on function private.require_admin() from public, anon, authenticated, service_role;

-- What an operator must look at. One open row for each (kind, subject): a repeat counts up instead of flooding.
create table private.alerts (
    id bigint generated always as identity primary key,
    kind text not null,
    severity text not null,
    subject text not null,
    details jsonb not null default '{}',
    occurrences integer not null default 1,
    first_seen_at timestamptz not null default private.now(),
    last_seen_at timestamptz not null default private.now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    constraint alert_severity_is_known check (severity in ('info', 'warning', 'critical')),
    constraint alert_acknowledgement_is_signed check ((acknowledged_at is null) = (acknowledged_by is null))
);

create unique index alerts_one_open_for_each_subject on private.alerts (kind, subject) where acknowledged_at is null;

comment on table private.alerts is 'Events an operator must look at; one open row for each kind and subject.';
alter table private.alerts enable row level security;
revoke all on table private.alerts from public, anon, authenticated, service_role;

create function private.raise_alert(
    p_kind text,
    p_severity text,
    p_subject text,
    p_details jsonb default '{}'
) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.alerts as a (kind, severity, subject, details)
    values (p_kind, p_severity, p_subject, p_details)
    on conflict (kind, subject) where acknowledged_at is null do update
    set
        occurrences = a.occurrences + 1,
        last_seen_at = excluded.last_seen_at,
        details = excluded.details,
        severity = excluded.severity
$$;

comment on function private.raise_alert(text, text, text, jsonb) is
'Opens an alert, or counts up the open one of the same kind and subject.';
revoke all on function private.raise_alert(text, text, text, jsonb) from public, anon, authenticated, service_role;
