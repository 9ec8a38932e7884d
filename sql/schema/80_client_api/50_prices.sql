-- What a video costs, for everybody. Raises invalid_parameter, model_unavailable.
create function private.quote_video(p_duration integer, p_resolution text, p_model text) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_option private.current_options;
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    if p_duration not in (4, 6, 8) then
        perform private.refuse_parameter('duration', '[4, 6, 8]', 'duration must be 4, 6 or 8 seconds.');
    end if;
    if p_resolution not in ('720p', '1080p') then
        perform private.refuse_parameter('resolution', '["720p", "1080p"]', 'resolution must be 720p or 1080p.');
    end if;

    select * into v_option
    from private.current_options as o
    where o.model = coalesce(p_model, v_settings.default_model)
        and o.resolution = coalesce(p_resolution, '720p')
        and o.duration = coalesce(p_duration, 8);

    if not found then
        perform private.refuse_parameter(
            'model',
            (select jsonb_agg(distinct o.model) from private.current_options as o where o.is_available),
            'This model does not exist or does not make this kind of video.'
        );
    end if;
    if not v_option.is_available then
        perform private.raise_error(
            'model_unavailable', 'This model is not offered at the moment. Please choose another one.',
            jsonb_build_object('model', v_option.model, 'retry_after_seconds', v_settings.retry_after_seconds)
        );
    end if;

    return jsonb_build_object(
        'credit_cost', v_option.credit_cost,
        'model', v_option.model,
        'duration', v_option.duration,
        'resolution', v_option.resolution
    );
end
$$;

comment on function private.quote_video(integer, text, text) is 'The price of one kind of video.';
revoke all on function private.quote_video(integer, text, text) from public, anon, authenticated, service_role;
grant execute on function private.quote_video(integer, text, text) to anon, authenticated, service_role;

create function public.quote_video(
    duration integer default 8,
    resolution text default '720p',
    model text default null
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.quote_video(duration, resolution, model);
end;

comment on function public.quote_video(integer, text, text) is
'What a video costs: {credit_cost, model, duration, resolution}.';
revoke all on function public.quote_video(integer, text, text) from public, anon, authenticated, service_role;
grant execute on function public.quote_video(integer, text, text) to anon, authenticated, service_role;

create function private.list_video_prices() returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'model', o.model, 'duration', o.duration, 'resolution', o.resolution, 'credit_cost', o.credit_cost
            )
            order by o.model, o.resolution desc, o.duration
        ), '[]'
    )
    from private.current_options as o
    where o.is_available
$$;

comment on function private.list_video_prices() is 'Every kind of video on sale, with its price.';
revoke all on function private.list_video_prices() from public, anon, authenticated, service_role;
grant execute on function private.list_video_prices() to anon, authenticated, service_role;

create function public.list_video_prices() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_video_prices();
end;

comment on function public.list_video_prices() is
'Every kind of video on sale: [{model, duration, resolution, credit_cost}].';
revoke all on function public.list_video_prices() from public, anon, authenticated, service_role;
grant execute on function public.list_video_prices() to anon, authenticated, service_role;
