-- The caller's videos and images in one list, newest first: {items, next_cursor}.
--
-- content_type 'video' or 'image' shows one kind. Both kinds are read from an index in the order of the list, each no
-- further than the page reaches, so that any page of any history costs the same. Planned for each call: list_videos
-- says why.
create function private.list_generations(p_content_type text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
begin
    if p_content_type not in ('image', 'video') then
        perform private.refuse_parameter('content_type', '["image", "video"]', 'content_type is image or video.');
    end if;

    return (
        with page as (
            select
                g.*,
                row_number() over (order by g.created_at desc, g.id desc) as place
            from (
                (
                    select
                        h.id, 'video' as content_type, h.prompt, h.status, h.credit_cost, h.created_at,
                        h.completed_at, split_part(h.permanent_video_url, '/', 1) as bucket,
                        substr(h.permanent_video_url, length('videos/') + 1) as path,
                        substr(h.thumbnail_url, length('videos/') + 1) as thumbnail_path,
                        h.width, h.height, h.duration, h.resolution, h.aspect_ratio
                    from public.video_generation_history as h
                    where p_content_type is distinct from 'image'
                        and h.user_id = v_user_id
                        and h.deleted_at is null
                        and (h.created_at, h.id) < (v_from.created_at, v_from.id)
                    order by h.created_at desc, h.id desc
                    limit v_page_size + 1
                )
                union all
                (
                    select
                        i.id, 'image', i.prompt, 'completed', i.credit_cost, i.created_at,
                        i.created_at, i.bucket, i.path, null, i.width, i.height, null, null, null
                    from public.image_generation_history as i
                    where p_content_type is distinct from 'video'
                        and i.user_id = v_user_id
                        and i.deleted_at is null
                        and (i.created_at, i.id) < (v_from.created_at, v_from.id)
                    order by i.created_at desc, i.id desc
                    limit v_page_size + 1
                )
            ) as g
            order by g.created_at desc, g.id desc
            limit v_page_size + 1
        )

        select jsonb_build_object(
            'items', coalesce(
                jsonb_agg(to_jsonb(p) - 'place' order by p.place) filter (where p.place <= v_page_size), '[]'
            ),
            'next_cursor', case
                when count(*) > v_page_size then
                    max(private.encode_cursor(p.created_at, p.id)) filter (where p.place = v_page_size)
            end
        )
        from page as p
    );
end
$$;

comment on function private.list_generations(text, text, integer) is 'A page of the caller''s videos and images.';
revoke all on function private.list_generations(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_generations(text, text, integer) to authenticated;

create function public.list_generations(
    content_type text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_generations(content_type, cursor, page_size);
end;

comment on function public.list_generations(text, text, integer) is
'The caller''s videos and images, newest first: {items, next_cursor}. content_type: image, video, or null for both.';
revoke all on function public.list_generations(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_generations(text, text, integer) to authenticated;
