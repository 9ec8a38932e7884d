-- Administrators change configuration and catalogue through functions that ask who they are and why, and keep both.
-- Prices age: price_checked_at remembers when somebody last confirmed what a second costs.
set lock_timeout = '5s';
set statement_timeout = '60s';

alter table public.video_models add column price_checked_at timestamptz;
comment on column public.video_models.price_checked_at is
'When an administrator last confirmed what its seconds cost. Null: never, the prices are those of the installation.';

-- A row for each action of an administrator: made in a moment.
-- squawk-ignore require-concurrent-index-creation
create index admin_actions_by_task on private.admin_actions (task_id, id desc) where task_id is not null;

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

-- What administrators did, newest first: {items, next_cursor}; of one user or one task if asked.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_actions(
    p_user_id uuid,
    p_task_id uuid,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_page_size integer;
    v_before bigint;
    v_page private.admin_actions[];
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    v_before := (private.decode_place(p_cursor, 'actions')).value;

    select array_agg(p.a order by (p.a).id desc) into v_page
    from (
        select a
        from private.admin_actions as a
        where (p_user_id is null or a.user_id = p_user_id)
            and (p_task_id is null or a.task_id = p_task_id)
            and a.id < coalesce(v_before, 9223372036854775807)
        order by a.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (select jsonb_agg(to_jsonb(a) order by a.id desc) from unnest(v_page[1:v_page_size]) as a), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_place('actions', (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_actions(uuid, uuid, text, integer) is 'A page of what administrators did.';
revoke all on function private.admin_list_actions(uuid, uuid, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_actions(uuid, uuid, text, integer) to authenticated;

create function public.admin_list_actions(
    user_id uuid default null,
    task_id uuid default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_actions(user_id, task_id, cursor, page_size);
end;

comment on function public.admin_list_actions(uuid, uuid, text, integer) is
'What administrators did, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_actions(uuid, uuid, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_actions(uuid, uuid, text, integer) to authenticated;

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
        perform set_config('reelbase.actor', v_actor, true), set_config('reelbase.reason', v_reason, true);
        begin
            update public.system_configs as c set value = v_value where c.key = p_key;
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
        perform set_config('reelbase.actor', '', true), set_config('reelbase.reason', '', true);

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

-- The catalogue, for administrators: what is on sale at which price and cost, and changing it.

-- A model with its options of today, its planned prices, and what a clip of each option leaves.
create function private.describe_model(p_model text) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'model', m.id,
        'provider', m.provider,
        'provider_model', m.provider_model,
        'display_name', m.display_name,
        'has_negative_prompt', m.has_negative_prompt,
        'has_reference_image', m.has_reference_image,
        'credit_multiplier', m.credit_multiplier,
        'is_enabled', m.is_enabled,
        'is_available',
        m.is_enabled and m.paused_at is null and (m.retires_at is null or m.retires_at > private.now()),
        'paused_at', m.paused_at,
        'pause_reason', m.pause_reason,
        'retires_at', m.retires_at,
        'price_checked_at', m.price_checked_at,
        'options', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'resolution', o.resolution,
                        'duration', o.duration,
                        'credit_cost', o.credit_cost,
                        'usd_per_second', private.usd(o.usd / o.duration),
                        'usd', private.usd(o.usd),
                        'margin_usd', private.usd(o.credit_cost * s.credit_value_usd - o.usd)
                    )
                    order by o.resolution desc, o.duration
                )
                from private.current_options as o
                where o.model = m.id
            ), '[]'
        ),
        'planned_prices', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'resolution', o.resolution,
                        'duration', o.duration,
                        'usd_per_second', private.usd(o.usd_per_second),
                        'valid_from', o.valid_from
                    )
                    order by o.valid_from, o.resolution desc, o.duration
                )
                from public.video_model_options as o
                where o.model = m.id and o.valid_from > private.now()
            ), '[]'
        )
    )
    from public.video_models as m
    cross join private.settings as s
    where m.id = p_model
$$;

comment on function private.describe_model(text) is 'A model of the catalogue with prices, costs and margins.';
revoke all on function private.describe_model(text) from public, anon, authenticated, service_role;

create function private.admin_list_models() returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    perform private.require_admin();
    return (select jsonb_agg(private.describe_model(m.id) order by m.id) from public.video_models as m);
end
$$;

comment on function private.admin_list_models() is 'The catalogue with prices, costs and margins.';
revoke all on function private.admin_list_models() from public, anon, authenticated, service_role;
grant execute on function private.admin_list_models() to authenticated;

create function public.admin_list_models() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_models();
end;

comment on function public.admin_list_models() is
'The catalogue with prices in credits, costs and margins in USD, and planned prices. Administrators only.';
revoke all on function public.admin_list_models() from public, anon, authenticated, service_role;
grant execute on function public.admin_list_models() to authenticated;

-- Locks a model of the catalogue against other administrators; orders that name it go on.
-- Raises invalid_parameter for an unknown one.
create function private.lock_model(p_model text) returns public.video_models
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_model public.video_models;
begin
    select * into v_model from public.video_models as m where m.id = p_model for no key update;
    if not found then
        perform private.refuse_parameter(
            'model', (select jsonb_agg(m.id order by m.id) from public.video_models as m), 'There is no such model.'
        );
    end if;
    return v_model;
end
$$;

comment on function private.lock_model(text) is 'Locks a model of the catalogue; raises invalid_parameter without one.';
revoke all on function private.lock_model(text) from public, anon, authenticated, service_role;

-- Changes what is given, leaves the rest. retires_at 'infinity' takes a date off. A pause, which the system sets when a
-- provider says that a model is gone, is only ever cleared here.
-- Locks the model. Raises not_admin, invalid_parameter.
create function private.admin_set_model(
    p_model text,
    p_reason text,
    p_is_enabled boolean,
    p_retires_at timestamptz,
    p_clear_pause boolean,
    p_credit_multiplier numeric,
    p_provider_model text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_old public.video_models;
    v_new public.video_models;
begin
    if p_credit_multiplier not between 0.01 and 1000 then
        perform private.refuse_parameter(
            'credit_multiplier', '{"minimum": 0.01, "maximum": 1000}', 'The multiplier must be from 0.01 to 1000.'
        );
    end if;
    if p_provider_model !~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$' then
        perform private.refuse_parameter(
            'provider_model', '{"pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$"}',
            'This cannot be the name of a model at its provider.'
        );
    end if;

    v_old := private.lock_model(p_model);

    update public.video_models as m
    set
        is_enabled = coalesce(p_is_enabled, m.is_enabled),
        retires_at = case when p_retires_at is null then m.retires_at else nullif(p_retires_at, 'infinity') end,
        paused_at = case when p_clear_pause then null else m.paused_at end,
        pause_reason = case when p_clear_pause then null else m.pause_reason end,
        credit_multiplier = coalesce(p_credit_multiplier, m.credit_multiplier),
        provider_model = coalesce(p_provider_model, m.provider_model)
    where m.id = p_model
    returning * into v_new;

    if v_new is distinct from v_old then
        insert into private.admin_actions (actor, action, details, reason)
        select
            v_actor, 'set_model',
            jsonb_build_object(
                'model', p_model,
                'old', jsonb_object_agg(o.key, o.value),
                'new', jsonb_object_agg(o.key, n.value)
            ),
            v_reason
        from jsonb_each(to_jsonb(v_old)) as o
        inner join jsonb_each(to_jsonb(v_new)) as n on n.key = o.key and n.value <> o.value;
    end if;

    return private.describe_model(p_model);
end
$$;

comment on function private.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text) is
'Changes a model of the catalogue. See public.admin_set_model.';
revoke all on function private.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text)
to authenticated;

create function public.admin_set_model(
    model text,
    reason text,
    is_enabled boolean default null,
    retires_at timestamptz default null,
    clear_pause boolean default false,
    credit_multiplier numeric default null,
    provider_model text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_set_model(
        model, reason, is_enabled, retires_at, coalesce(clear_pause, false), credit_multiplier, provider_model
    );
end;

comment on function public.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text) is
'Changes a model: what is left out stays; retires_at infinity takes the date off. Administrators only.';
revoke all on function public.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_set_model(text, text, boolean, timestamptz, boolean, numeric, text)
to authenticated;

-- What a second costs us, from when on: of one option, or of all that resolution and duration leave open. Prices of the
-- past stay, so that the cost of an old clip stays what it was. Whoever confirms a price, also an unchanged one, marks
-- the model as checked. A price planned for the same moment is replaced.
-- Locks the model. Raises not_admin, invalid_parameter.
create function private.admin_set_model_price(
    p_model text,
    p_usd_per_second numeric,
    p_reason text,
    p_resolution text,
    p_duration integer,
    p_valid_from timestamptz
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_now timestamptz;
    v_options jsonb;
    v_changed jsonb;
begin
    if p_usd_per_second is null or p_usd_per_second not between 0.000001 and 1000 then
        perform private.refuse_parameter(
            'usd_per_second', '{"minimum": 0.000001, "maximum": 1000}',
            'A second must cost from 0.000001 to 1000 USD.'
        );
    end if;

    perform private.lock_model(p_model);
    v_now := private.now();

    if p_valid_from < v_now or p_valid_from = 'infinity' then
        perform private.refuse_parameter(
            'valid_from', jsonb_build_object('minimum', v_now), 'A price cannot begin in the past, or never.'
        );
    end if;

    select jsonb_agg(distinct jsonb_build_object('resolution', o.resolution, 'duration', o.duration)) into v_options
    from public.video_model_options as o
    where o.model = p_model;
    if not exists (
        select
        from jsonb_to_recordset(v_options) as o (resolution text, duration integer)
        where o.resolution = coalesce(p_resolution, o.resolution) and o.duration = coalesce(p_duration, o.duration)
    ) then
        perform private.refuse_parameter(
            case when p_duration is null then 'resolution' else 'duration' end, coalesce(v_options, '[]'),
            'The model does not make this kind of video.'
        );
    end if;

    with before as (
        select distinct on (o.resolution, o.duration) o.*
        from public.video_model_options as o
        where o.model = p_model
            and o.resolution = coalesce(p_resolution, o.resolution)
            and o.duration = coalesce(p_duration, o.duration)
            and o.valid_from <= coalesce(p_valid_from, v_now)
        order by o.resolution, o.duration, o.valid_from desc
    ),

    written as (
        insert into public.video_model_options (
            model, resolution, duration, valid_from, usd_per_second, typical_seconds, slow_seconds
        )
        select
            b.model, b.resolution, b.duration, coalesce(p_valid_from, v_now), p_usd_per_second,
            b.typical_seconds, b.slow_seconds
        from before as b
        where b.usd_per_second <> p_usd_per_second
        on conflict (model, resolution, duration, valid_from) do update set usd_per_second = excluded.usd_per_second
        returning resolution, duration
    )

    select
        jsonb_agg(
            jsonb_build_object(
                'resolution', b.resolution, 'duration', b.duration, 'old_usd_per_second', private.usd(b.usd_per_second)
            )
            order by b.resolution, b.duration
        )
    into v_changed
    from written as w
    inner join before as b on b.resolution = w.resolution and b.duration = w.duration;

    update public.video_models as m set price_checked_at = v_now where m.id = p_model;

    insert into private.admin_actions (actor, action, details, reason)
    values (
        v_actor, 'set_model_price',
        jsonb_build_object(
            'model', p_model,
            'usd_per_second', private.usd(p_usd_per_second),
            'valid_from', coalesce(p_valid_from, v_now),
            'changed', coalesce(v_changed, '[]')
        ),
        v_reason
    );

    return private.describe_model(p_model);
end
$$;

comment on function private.admin_set_model_price(text, numeric, text, text, integer, timestamptz) is
'Enters what a second costs us. See public.admin_set_model_price.';
revoke all on function private.admin_set_model_price(text, numeric, text, text, integer, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function private.admin_set_model_price(text, numeric, text, text, integer, timestamptz)
to authenticated;

create function public.admin_set_model_price(
    model text,
    usd_per_second numeric,
    reason text,
    resolution text default null,
    duration integer default null,
    valid_from timestamptz default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_set_model_price(model, usd_per_second, reason, resolution, duration, valid_from);
end;

comment on function public.admin_set_model_price(text, numeric, text, text, integer, timestamptz) is
'What a second costs us from now or a later time on; marks the price as checked. Administrators only.';
revoke all on function public.admin_set_model_price(text, numeric, text, text, integer, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.admin_set_model_price(text, numeric, text, text, integer, timestamptz)
to authenticated;
