-- Keyset pages: an opaque cursor names the last row of a page by (created_at, id), newest first.
create function private.encode_cursor(p_created_at timestamptz, p_id uuid) returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select translate(
        encode(
            convert_to((extract(epoch from p_created_at) * 1000000)::bigint || ' ' || p_id, 'utf8'), 'base64'
        ),
        E'+/=\n', '-_'
    )
$$;

comment on function private.encode_cursor(timestamptz, uuid) is 'Opaque cursor of a page that ended at this row.';
revoke all on function private.encode_cursor(timestamptz, uuid) from public, anon, authenticated, service_role;

-- No cursor is the first page. Raises invalid_parameter for one that we did not make.
create function private.decode_cursor(p_cursor text, out created_at timestamptz, out id uuid)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_parts text[];
begin
    if p_cursor is null then
        created_at := 'infinity';
        id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
        return;
    end if;

    v_parts := string_to_array(
        convert_from(
            decode(
                translate(p_cursor, '-_', '+/') || repeat('=', (4 - length(p_cursor) % 4) % 4), 'base64'
            ), 'utf8'
        ), ' '
    );
    created_at := timestamptz 'epoch' + v_parts[1]::bigint * interval '1 microsecond';
    id := v_parts[2]::uuid;
    if created_at is null or id is null then
        raise exception using errcode = 'invalid_parameter_value';
    end if;
exception
    when data_exception or program_limit_exceeded then
        perform private.refuse_parameter('cursor', '"next_cursor of an earlier page"', 'This cursor is not valid.');
end
$$;

comment on function private.decode_cursor(text) is 'The row a cursor names; raises invalid_parameter for a bad one.';
revoke all on function private.decode_cursor(text) from public, anon, authenticated, service_role;

create function private.refuse_parameter(p_parameter text, p_allowed jsonb, p_message text) returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    perform private.raise_error(
        'invalid_parameter', p_message, jsonb_build_object('parameter', p_parameter, 'allowed', p_allowed)
    );
end
$$;

comment on function private.refuse_parameter(text, jsonb, text) is 'Raises invalid_parameter. Never returns.';
revoke all on function private.refuse_parameter(text, jsonb, text) from public, anon, authenticated, service_role;

create function private.checked_page_size(p_page_size integer) returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
    if p_page_size not between 1 and 100 then
        perform private.refuse_parameter(
            'page_size', '{"minimum": 1, "maximum": 100}', 'page_size must be between 1 and 100.'
        );
    end if;
    return coalesce(p_page_size, 20);
end
$$;

comment on function private.checked_page_size(integer) is 'page_size with its default; raises invalid_parameter.';
revoke all on function private.checked_page_size(integer) from public, anon, authenticated, service_role;
