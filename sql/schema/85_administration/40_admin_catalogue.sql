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
