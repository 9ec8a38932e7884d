-- What a video costs, for everybody. Raises invalid_parameter.
create function private.quote_video(p_duration integer, p_resolution text, p_model text) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_option private.current_options;
begin
    select o.* into v_option
    from private.current_options as o
    cross join private.settings as s
    where o.model = coalesce(p_model, s.default_model)
        and o.resolution = coalesce(p_resolution, '720p')
        and o.duration = coalesce(p_duration, 8)
        and o.is_available;

    if not found then
        if p_duration not in (4, 6, 8) then
            perform private.refuse_parameter('duration', '[4, 6, 8]', 'duration must be 4, 6 or 8 seconds.');
        elsif p_resolution not in ('720p', '1080p') then
            perform private.refuse_parameter('resolution', '["720p", "1080p"]', 'resolution must be 720p or 1080p.');
        end if;
        perform private.refuse_parameter(
            'model',
            (select jsonb_agg(distinct o.model) from private.current_options as o where o.is_available),
            'This model is not on sale.'
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
