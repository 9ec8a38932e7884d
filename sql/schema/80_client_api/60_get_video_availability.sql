-- What a client needs to show its form: whether generation is open for this caller, limits, and the models on sale.
-- Signed out, in_rollout says whether everybody is in.
create function private.get_video_availability() returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'enabled', s.generation_enabled,
        'in_rollout', coalesce(
            private.is_in_rollout(auth.uid(), s.rollout_percent, s.rollout_salt), s.rollout_percent = 100
        ),
        'message', case when not s.generation_enabled then s.disabled_message end,
        'until', case when not s.generation_enabled then s.disabled_until end,
        'prompt_max_length', s.prompt_max_length,
        'concurrent_limit', s.concurrent_limit,
        'models', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', m.id,
                        'display_name', m.display_name,
                        'is_default', m.id = s.default_model,
                        'has_negative_prompt', m.has_negative_prompt,
                        'has_reference_image', m.has_reference_image,
                        'durations', o.durations,
                        'resolutions', o.resolutions
                    )
                    order by m.id <> s.default_model, m.id
                )
                from public.video_models as m
                inner join (
                    select
                        c.model,
                        jsonb_agg(distinct c.duration) as durations,
                        jsonb_agg(distinct c.resolution) as resolutions
                    from private.current_options as c
                    where c.is_available
                    group by c.model
                ) as o on o.model = m.id
            ), '[]'
        )
    )
    from private.settings as s
$$;

comment on function private.get_video_availability() is 'Whether generation is open for the caller, limits and models.';
revoke all on function private.get_video_availability() from public, anon, authenticated, service_role;
grant execute on function private.get_video_availability() to anon, authenticated, service_role;

create function public.get_video_availability() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_video_availability();
end;

comment on function public.get_video_availability() is
'{enabled, in_rollout, message, until, prompt_max_length, concurrent_limit, models}.';
revoke all on function public.get_video_availability() from public, anon, authenticated, service_role;
grant execute on function public.get_video_availability() to anon, authenticated, service_role;
