-- Keys by which a repeated call is recognised: the caller lost the answer, and asks again.

create function private.check_idempotency_key(p_key text) returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
    if p_key is not null and char_length(p_key) not between 1 and 255 then
        perform private.refuse_parameter(
            'idempotency_key', '{"min_length": 1, "max_length": 255}', 'The key must have 1 to 255 characters.'
        );
    end if;
end
$$;

comment on function private.check_idempotency_key(text) is 'Raises invalid_parameter for an empty or a long key.';
revoke all on function private.check_idempotency_key(text) from public, anon, authenticated, service_role;

-- The names of the parameters in which two calls with one key differ; null if in none.
create function private.differing_fields(p_first jsonb, p_now jsonb) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_agg(coalesce(a.key, b.key) order by coalesce(a.key, b.key))
    from jsonb_each(p_first) as a
    full join jsonb_each(p_now) as b on b.key = a.key
    where a.value is distinct from b.value
$$;

comment on function private.differing_fields(jsonb, jsonb) is 'Parameters in which two calls differ; null if in none.';
revoke all on function private.differing_fields(jsonb, jsonb) from public, anon, authenticated, service_role;

-- Raises idempotency_conflict, naming the fields, unless both calls ask for the same.
create function private.refuse_other_request(p_first jsonb, p_now jsonb) returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_fields jsonb := private.differing_fields(p_first, p_now);
begin
    if v_fields is not null then
        perform private.raise_error(
            'idempotency_conflict', 'This idempotency key was already used with other parameters.',
            jsonb_build_object('fields', v_fields), 'Use a new key for a new action.'
        );
    end if;
end
$$;

comment on function private.refuse_other_request(jsonb, jsonb) is
'Raises idempotency_conflict {fields} unless two calls with one key ask for the same.';
revoke all on function private.refuse_other_request(jsonb, jsonb) from public, anon, authenticated, service_role;
