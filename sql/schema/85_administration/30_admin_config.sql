-- The configuration, for administrators: what there is, changing it, and who changed what.
--
-- Only our own rows: those of a host application (without value_type) are not ours to show or change.

create function private.admin_list_config() returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    perform private.require_admin();
    return (
        select
            jsonb_agg(
                jsonb_build_object(
                    'key', c.key,
                    'value', c.value,
                    'type', c.value_type,
                    'minimum', c.minimum,
                    'maximum', c.maximum,
                    'is_nullable', c.is_nullable,
                    'description', c.description,
                    'updated_at', c.updated_at,
                    'updated_by', c.updated_by
                )
                order by c.key
            )
        from public.system_configs as c
        where c.value_type is not null
    );
end
$$;

comment on function private.admin_list_config() is 'Every configuration key with its value and range.';
revoke all on function private.admin_list_config() from public, anon, authenticated, service_role;
grant execute on function private.admin_list_config() to authenticated;

create function public.admin_list_config() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_config();
end;

comment on function public.admin_list_config() is
'[{key, value, type, minimum, maximum, is_nullable, description, updated_at, updated_by}]. Administrators only.';
revoke all on function public.admin_list_config() from public, anon, authenticated, service_role;
grant execute on function public.admin_list_config() to authenticated;

-- Changes one value. The row's own constraint decides what fits; this names what would. A JSON null arrives as an
-- SQL null and means that value. Writing what is there already changes nothing and leaves no trace.
-- Locks the row. Raises not_admin, invalid_parameter {parameter: key | value | reason, allowed}.
create function private.admin_set_config(p_key text, p_value jsonb, p_reason text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_value jsonb := coalesce(p_value, 'null');
    v_config public.system_configs;
    v_models jsonb;
begin
    select * into v_config
    from public.system_configs as c
    where c.key = p_key and c.value_type is not null
    for no key update;

    if not found then
        perform private.refuse_parameter(
            'key',
            (select jsonb_agg(c.key order by c.key) from public.system_configs as c where c.value_type is not null),
            'There is no such key.'
        );
    end if;

    if p_key = 'video_default_model' then
        select jsonb_agg(m.id order by m.id) into v_models from public.video_models as m;
        if not v_models @> v_value then
            perform private.refuse_parameter('value', v_models, 'There is no such model.');
        end if;
    end if;

    if v_config.value <> v_value then
        begin
            perform private.set_config_value(p_key, v_value, v_actor, v_reason);
        exception
            when check_violation then
                perform private.refuse_parameter(
                    'value',
                    jsonb_strip_nulls(
                        jsonb_build_object(
                            'type', v_config.value_type,
                            'minimum', v_config.minimum,
                            'maximum', v_config.maximum,
                            'is_nullable', v_config.is_nullable
                        )
                    ),
                    format('%s does not take this value.', p_key)
                );
        end;

        insert into private.admin_actions (actor, action, details, reason)
        values (
            v_actor, 'set_config',
            jsonb_build_object('key', p_key, 'old_value', v_config.value, 'new_value', v_value), v_reason
        );
    end if;

    return jsonb_build_object('key', p_key, 'value', v_value, 'old_value', v_config.value);
end
$$;

comment on function private.admin_set_config(text, jsonb, text) is 'Changes one configuration value, with its history.';
revoke all on function private.admin_set_config(text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function private.admin_set_config(text, jsonb, text) to authenticated;

create function public.admin_set_config(key text, value jsonb, reason text) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_set_config(key, value, reason);
end;

comment on function public.admin_set_config(text, jsonb, text) is
'Changes one configuration value: {key, value, old_value}. Administrators only.';
revoke all on function public.admin_set_config(text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.admin_set_config(text, jsonb, text) to authenticated;

-- Who changed which value, when and why, newest first; also what was changed without these functions.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_config_changes(p_key text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_page_size integer;
    v_before bigint;
    v_page private.system_config_changes[];
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    v_before := (private.decode_place(p_cursor, 'config_changes')).value;

    select array_agg(p.c order by (p.c).id desc) into v_page
    from (
        select c
        from private.system_config_changes as c
        where (p_key is null or c.key = p_key) and c.id < coalesce(v_before, 9223372036854775807)
        order by c.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (select jsonb_agg(to_jsonb(c) order by c.id desc) from unnest(v_page[1:v_page_size]) as c), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_place('config_changes', (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_config_changes(text, text, integer) is 'A page of configuration changes.';
revoke all on function private.admin_list_config_changes(text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_config_changes(text, text, integer) to authenticated;

create function public.admin_list_config_changes(
    key text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_config_changes(key, cursor, page_size);
end;

comment on function public.admin_list_config_changes(text, text, integer) is
'Configuration changes, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_config_changes(text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_config_changes(text, text, integer) to authenticated;
