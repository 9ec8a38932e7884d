-- Makes the schema "tests" that every other file uses. Runs first (files run in name order) and stays, as nothing in
-- it can be named by a client; a database with real users is no place to run tests.
create schema if not exists tests;
grant usage on schema tests to public;

-- A user as Auth would make him: confirmed unless told otherwise.
create or replace function tests.create_user(
    p_email text default null,
    p_is_confirmed boolean default true,
    p_is_anonymous boolean default false,
    p_app_metadata jsonb default '{}'
) returns uuid
language plpgsql
as $$
declare
    v_id uuid := gen_random_uuid();
begin
    insert into auth.users (id, aud, role, email, email_confirmed_at, is_anonymous, raw_app_meta_data, created_at, updated_at)
    values (
        v_id, 'authenticated', 'authenticated',
        case when not p_is_anonymous then coalesce(p_email, v_id || '@example.com') end,
        case when p_is_confirmed and not p_is_anonymous then now() end,
        p_is_anonymous, p_app_metadata, now(), now()
    );
    return v_id;
end
$$;

-- A user with credits.
create or replace function tests.create_rich_user(p_credits integer default 1000) returns uuid
language plpgsql
as $$
declare
    v_id uuid := tests.create_user();
begin
    perform tests.stop_acting();
    perform public.admin_grant_credits(v_id, p_credits, 'test');
    return v_id;
end
$$;

-- From here on the session is what PostgREST would make it for this user's token.
create or replace function tests.act_as(p_user_id uuid, p_claims jsonb default '{}') returns void
language plpgsql
as $$
begin
    perform set_config(
        'request.jwt.claims',
        (jsonb_build_object('sub', p_user_id, 'role', 'authenticated', 'aal', 'aal1') || p_claims)::text, true
    );
    perform set_config('role', 'authenticated', true);
end
$$;

create or replace function tests.act_as_role(p_role text) returns void
language plpgsql
as $$
begin
    perform set_config('request.jwt.claims', jsonb_build_object('role', p_role)::text, true);
    perform set_config('role', p_role, true);
end
$$;

-- Back to the owner of the schema, without a token.
create or replace function tests.stop_acting() returns void
language plpgsql
as $$
begin
    perform set_config('role', 'postgres', true);
    perform set_config('request.jwt.claims', '', true);
end
$$;

-- Sets the clock of the schema until the transaction ends. Call as its owner.
create or replace function tests.set_time(p_now timestamptz) returns void
language plpgsql
as $$
begin
    execute format(
        'create or replace function private.now() returns timestamptz language sql volatile security invoker '
        'set search_path = '''' as %L', format('select %L::timestamptz', p_now)
    );
end
$$;

create or replace function tests.advance_time(p_by interval) returns void
language sql
as $$
    select tests.set_time(private.now() + p_by)
$$;

-- The parts of an error that private.raise_error raised: {code, message, details, hint, status, headers}, with
-- details parsed. {sqlstate, message} for any other error, null if there was none.
create or replace function tests.error_of(p_sql text) returns jsonb
language plpgsql
as $$
declare
    v_message text;
    v_detail text;
    v_state text;
begin
    begin
        execute p_sql;
        return null;
    exception
        when others then
            get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail, v_state = returned_sqlstate;
    end;
    if v_state <> 'PGRST' then
        return jsonb_build_object('sqlstate', v_state, 'message', v_message);
    end if;
    return v_message::jsonb || v_detail::jsonb
        || jsonb_build_object('details', (v_message::jsonb ->> 'details')::jsonb);
end
$$;

-- Asserts that a statement raises an error of ours, by its code.
create or replace function tests.throws_code(p_sql text, p_code text, p_description text default null) returns text
language plpgsql
as $$
declare
    v_error jsonb := tests.error_of(p_sql);
begin
    return extensions.is(
        coalesce(v_error ->> 'code', 'no error of ours: ' || coalesce(v_error::text, 'none at all')),
        p_code,
        coalesce(p_description, 'raises ' || p_code)
    );
end
$$;

grant execute on all functions in schema tests to public;

begin;
select extensions.plan(2);

select extensions.is(
    tests.error_of($$select private.raise_error('rate_limited', 'Slow down.', '{"retry_after_seconds": 7}')$$),
    '{"code": "rate_limited", "message": "Slow down.", "details": {"retry_after_seconds": 7}, "hint": null,
      "status": 429, "headers": {"Retry-After": "7"}}'::jsonb,
    'an error carries its code, status, details and Retry-After'
);
select extensions.is(tests.error_of('select 1'), null, 'no error is null');

select * from extensions.finish();
rollback;
