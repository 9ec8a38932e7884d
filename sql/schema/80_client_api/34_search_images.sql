-- The caller's images whose prompt contains every word of the search, newest first: {items, next_cursor}. Words are
-- found in any language and inside of others; case and the form of a letter do not count. No search is all images.
-- Planned for each call: list_videos says why.
create function private.image_item(p_image public.image_generation_history) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_build_object(
        'id', p_image.id,
        'prompt', p_image.prompt,
        'bucket', p_image.bucket,
        'path', p_image.path,
        'width', p_image.width,
        'height', p_image.height,
        'created_at', p_image.created_at
    )
$$;

comment on function private.image_item(public.image_generation_history) is 'An image as clients see it.';
revoke all on function private.image_item(public.image_generation_history)
from public, anon, authenticated, service_role;

create function private.search_images(p_search text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    -- Above the largest page. The newest images are simply looked through: a common word fills its page from these.
    c_newest constant integer := 200;
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_words text[];
    v_page public.image_generation_history[];
    v_newest public.image_generation_history[];
    v_oldest public.image_generation_history;
begin
    if char_length(p_search) > 200 then
        perform private.refuse_parameter('search', '{"max_length": 200}', 'The search must have at most 200 characters.');
    end if;
    v_words := array_remove(string_to_array(private.search_text(p_search), ' '), '');

    select array_agg(n.i order by (n.i).created_at desc, (n.i).id desc) into v_newest
    from (
        select i
        from public.image_generation_history as i
        where i.user_id = v_user_id
            and i.deleted_at is null
            and (i.created_at, i.id) < (v_from.created_at, v_from.id)
        order by i.created_at desc, i.id desc
        limit case when v_words <> '{}' then c_newest else v_page_size + 1 end
    ) as n;

    select array_agg(f.i order by (f.i).created_at desc, (f.i).id desc) into v_page
    from (
        select i
        from unnest(v_newest) as i
        where private.has_words(i.prompt, v_words)
        order by i.created_at desc, i.id desc
        limit v_page_size + 1
    ) as f;

    -- The index finds the others. Sorted first: only as many as the page needs are looked at again.
    if cardinality(v_newest) = c_newest and coalesce(cardinality(v_page), 0) <= v_page_size then
        v_oldest := v_newest[c_newest];
        select v_page || array_agg(f.i order by (f.i).created_at desc, (f.i).id desc) into v_page
        from (
            select c.i
            from (
                select i
                from public.image_generation_history as i
                where private.search_keys(i.user_id, i.prompt)
                    @> private.search_keys_of_words(v_user_id, v_words)
                    and i.user_id = v_user_id
                    and i.deleted_at is null
                    and (i.created_at, i.id) < (v_oldest.created_at, v_oldest.id)
                order by i.created_at desc, i.id desc
                offset 0
            ) as c
            where private.has_words((c.i).prompt, v_words)
            limit v_page_size + 1 - coalesce(cardinality(v_page), 0)
        ) as f;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.image_item(i) order by i.created_at desc, i.id desc)
                from unnest(v_page[1:v_page_size]) as i
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.search_images(text, text, integer) is 'A page of the caller''s images with these words.';
revoke all on function private.search_images(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.search_images(text, text, integer) to authenticated;

create function public.search_images(
    search text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.search_images(search, cursor, page_size);
end;

comment on function public.search_images(text, text, integer) is
'The caller''s images whose prompt contains every word of the search, newest first: {items, next_cursor}.';
revoke all on function public.search_images(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.search_images(text, text, integer) to authenticated;
