-- pg_net's SQL surface (version 0.20.4) as plain tables and functions, because Debian does not package pg_net.
--
-- What matters to a caller is the same as with the extension: a request is a row in an UNLOGGED queue, so it is sent
-- only after COMMIT, never after ROLLBACK, and is forgotten by a crash; the id is no durable key; PUBLIC may use all
-- of it. Delivery is functions_py/local/platform/net.py, which listens on channel `net_wake`.

create schema if not exists net;
grant usage on schema net to public;

create domain net.http_method as text
constraint http_method_check check (lower(value) in ('get', 'post', 'delete'));

create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');

create type net.http_response as (
    status_code integer,
    headers jsonb,
    body text
);

create type net.http_response_result as (
    status net.request_status,
    message text,
    response net.http_response
);

create unlogged table net.http_request_queue (
    id bigserial,
    method net.http_method not null,
    url text not null,
    headers jsonb,
    body bytea,
    timeout_milliseconds integer not null
);

create unlogged table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz not null default now()
);

create index _http_response_created_idx on net._http_response (created);

grant all on net.http_request_queue, net._http_response to public;
grant all on all sequences in schema net to public;

-- The queue's wake-up call: pg_notify reaches the delivery loop at commit and not before, as the extension's does.
create function net.wake()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
    select pg_catalog.pg_notify('net_wake', '');
$$;

create function net._wake_on_insert()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    perform net.wake();
    return null;
end;
$$;

create trigger wake_on_insert
after insert on net.http_request_queue
for each statement
execute function net._wake_on_insert();

create function net._urlencode_string(string character varying)
returns text
language sql
immutable
strict
security invoker
set search_path = ''
as $$
    select coalesce(
        string_agg(
            case
                when octet_length(c.letter) = 1 and c.letter ~ '[A-Za-z0-9_.~-]' then c.letter
                else regexp_replace(upper(encode(convert_to(c.letter, 'UTF8'), 'hex')), '(..)', '%\1', 'g')
            end,
            '' order by c.place
        ),
        ''
    )
    from regexp_split_to_table(string, '') with ordinality as c (letter, place);
$$;

create function net._encode_url_with_params_array(url text, params_array text[])
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select case
        when coalesce(cardinality(params_array), 0) = 0 then url
        else url || case when strpos(url, '?') > 0 then '&' else '?' end || array_to_string(params_array, '&')
    end;
$$;

create function net._encode_params(url text, params jsonb)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select net._encode_url_with_params_array(
        url,
        (
            select array_agg(net._urlencode_string(p.key) || '=' || net._urlencode_string(p.value))
            from jsonb_each_text(coalesce(params, '{}')) as p
        )
    );
$$;

create function net.http_get(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000
)
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, timeout_milliseconds)
    values ('GET', net._encode_params(url, params), headers, timeout_milliseconds)
    returning id;
$$;

create function net.http_delete(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000,
    body jsonb default null
)
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values ('DELETE', net._encode_params(url, params), headers, convert_to(body::text, 'UTF8'), timeout_milliseconds)
    returning id;
$$;

create function net.http_post(
    url text,
    body jsonb default '{}'::jsonb,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
    timeout_milliseconds integer default 5000
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_headers jsonb := coalesce(headers, '{}');
    v_content_type text;
    v_request_id bigint;
begin
    select h.value
    into v_content_type
    from jsonb_each_text(v_headers) as h
    where lower(h.key) = 'content-type'
    limit 1;

    if v_content_type is null then
        v_headers := v_headers || '{"Content-Type": "application/json"}';
    elsif v_content_type <> 'application/json' then
        raise exception 'Content-Type header must be "application/json"';
    end if;

    insert into net.http_request_queue as q (method, url, headers, body, timeout_milliseconds)
    values (
        'POST',
        net._encode_params(http_post.url, http_post.params),
        v_headers,
        convert_to(http_post.body::text, 'UTF8'),
        http_post.timeout_milliseconds
    )
    returning q.id into v_request_id;

    return v_request_id;
end;
$$;

-- True once the response exists; gives up after about 50 s, far beyond any sane timeout of a request.
create function net._await_response(request_id bigint)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    for attempt in 1..1000 loop
        if exists (select 1 from net._http_response as r where r.id = request_id) then
            return true;
        end if;
        perform pg_sleep(0.05);
    end loop;
    return false;
end;
$$;

create function net._http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_row net._http_response;
begin
    if not async then
        perform net._await_response(request_id);
    end if;

    select * into v_row from net._http_response as r where r.id = request_id;

    return case
        when not found and exists (select 1 from net.http_request_queue as q where q.id = request_id)
            then row('PENDING', 'request is pending processing', null)::net.http_response_result
        when not found
            then row('ERROR', 'request matching request_id not found', null)::net.http_response_result
        when v_row.error_msg is not null
            then row('ERROR', v_row.error_msg, null)::net.http_response_result
        else row('SUCCESS', 'ok', row(v_row.status_code, v_row.headers, v_row.content)::net.http_response)
        ::net.http_response_result
    end;
end;
$$;

create function net.http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language sql
volatile
security invoker
set search_path = ''
as $$
    select net._http_collect_response(request_id, async);
$$;

-- The stand-in's worker is a process outside Postgres, so these report what SQL can know of it: that it is listening.
create function net.check_worker_is_up()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    if not exists (select 1 from pg_catalog.pg_stat_activity where application_name = 'pg_net worker') then
        raise exception 'the pg_net background worker is not up'
            using detail = 'the pg_net background worker is down due to an internal error and cannot process requests',
                hint = 'make sure that you didn''t modify any of pg_net internal tables';
    end if;
end;
$$;

create function net.wait_until_running()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    for attempt in 1..200 loop
        perform pg_stat_clear_snapshot();
        exit when exists (select 1 from pg_catalog.pg_stat_activity where application_name = 'pg_net worker');
        perform pg_sleep(0.05);
    end loop;
    perform net.check_worker_is_up();
end;
$$;

create function net.worker_restart()
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
    select true from net.wake();
$$;
