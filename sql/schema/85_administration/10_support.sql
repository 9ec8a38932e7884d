-- What the functions of administrators share: the reason, the user, pages in any order, and amounts of USD.

-- The reason of an administrator's action, which is kept with it. Raises invalid_parameter for a missing or blank one.
create function private.checked_reason(p_reason text) returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
    if p_reason is null or p_reason !~ '[^[:space:]]' or char_length(p_reason) > 500 then
        perform private.refuse_parameter(
            'reason', '{"min_length": 1, "max_length": 500}', 'Say why, in 1 to 500 characters.'
        );
    end if;
    return p_reason;
end
$$;

comment on function private.checked_reason(text) is
'The reason of an administrator''s action; raises invalid_parameter for a missing or blank one.';
revoke all on function private.checked_reason(text) from public, anon, authenticated, service_role;

-- Raises user_not_found for somebody there is not, or not any more.
create function private.check_user(p_user_id uuid) returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if p_user_id is null
        or not exists (select from auth.users as u where u.id = p_user_id and u.deleted_at is null)
    then
        perform private.raise_error('user_not_found', 'There is no such user.');
    end if;
end
$$;

comment on function private.check_user(uuid) is 'Raises user_not_found for a user there is not, or not any more.';
revoke all on function private.check_user(uuid) from public, anon, authenticated, service_role;

-- Keyset pages of lists with an order of their own: the cursor names the order, so that it is refused in another one,
-- and the last row of the page by a number and, where numbers repeat, an id.
create function private.encode_place(p_order text, p_value bigint, p_id uuid default null) returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select translate(
        encode(convert_to(concat_ws(' ', p_order, p_value, p_id), 'utf8'), 'base64'), E'+/=\n', '-_'
    )
$$;

comment on function private.encode_place(text, bigint, uuid) is 'Opaque cursor of a page in this order.';
revoke all on function private.encode_place(text, bigint, uuid) from public, anon, authenticated, service_role;

-- No cursor is the first page: nulls. Raises invalid_parameter for one that we did not make for this order.
create function private.decode_place(p_cursor text, p_order text, out value bigint, out id uuid)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_parts text[];
begin
    if p_cursor is null then
        return;
    end if;

    v_parts := string_to_array(
        convert_from(
            decode(
                translate(p_cursor, '-_', '+/') || repeat('=', (4 - length(p_cursor) % 4) % 4), 'base64'
            ), 'utf8'
        ), ' '
    );
    value := v_parts[2]::bigint;
    id := v_parts[3]::uuid;
    if v_parts[1] is distinct from p_order or value is null then
        raise exception using errcode = 'invalid_parameter_value';
    end if;
exception
    when data_exception or program_limit_exceeded then
        perform private.refuse_parameter('cursor', '"next_cursor of an earlier page"', 'This cursor is not valid.');
end
$$;

comment on function private.decode_place(text, text) is
'The row a cursor names in this order; raises invalid_parameter for a bad one.';
revoke all on function private.decode_place(text, text) from public, anon, authenticated, service_role;

-- An amount as clients get it: at most six decimals, none without meaning.
create function private.usd(p_amount numeric) returns numeric
language sql
immutable
security invoker
set search_path = ''
as $$
    select trim_scale(round(p_amount, 6))
$$;

comment on function private.usd(numeric) is 'An amount of USD with at most six decimals.';
revoke all on function private.usd(numeric) from public, anon, authenticated, service_role;
