-- What is on sale at this moment, with its price in credits and its cost in USD.
--
-- Price: ceil(duration x video_credit_per_second x (1080p ? video_1080p_multiplier : 1) x model multiplier).
create view private.current_options
with (security_invoker = true)
as
select
    m.id as model,
    m.provider,
    m.provider_model,
    m.has_negative_prompt,
    m.has_reference_image,
    m.is_enabled
    and m.paused_at is null
    and (m.retires_at is null or m.retires_at > private.now()) as is_available,
    o.resolution,
    o.duration,
    ceil(
        o.duration * s.credit_per_second * m.credit_multiplier
        * case when o.resolution = '1080p' then s.multiplier_1080p else 1 end
    )::integer as credit_cost,
    o.duration * o.usd_per_second as usd,
    coalesce(e.typical_seconds, o.typical_seconds) as typical_seconds,
    coalesce(e.slow_seconds, o.slow_seconds) as slow_seconds
from public.video_models as m
cross join private.settings as s
inner join lateral (
    select distinct on (v.resolution, v.duration) v.*
    from public.video_model_options as v
    where v.model = m.id and v.valid_from <= private.now()
    order by v.resolution asc, v.duration asc, v.valid_from desc
) as o on true
left join private.duration_estimates as e
    on m.id = e.model and o.resolution = e.resolution and o.duration = e.duration;

comment on view private.current_options is 'Every combination of the catalogue today, with its price and cost.';
revoke all on table private.current_options from public, anon, authenticated, service_role;
