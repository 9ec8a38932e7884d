-- The published items, newest first; with featured, those of the carousel in their order. For everybody.
--
-- Each type is read from its own index range, so that a rare type costs no more than a common one.
create function private.list_showcase(
    p_content_type text,
    p_featured boolean,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_viewer_id uuid := auth.uid();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_types text[];
    v_page public.showcase_items[];
    v_last public.showcase_items;
begin
    if p_content_type not in ('image', 'video') then
        perform private.refuse_parameter('content_type', '["image", "video"]', 'There are images and videos.');
    end if;
    v_types := case when p_content_type is null then '{image,video}'::text[] else array[p_content_type] end;

    if p_featured then
        -- A cursor holds a time; here it holds a place, as seconds.
        select array_agg(p.s order by (p.s).featured_position) into v_page
        from (
            select s
            from public.showcase_items as s
            where s.content_type = any (v_types)
                and s.featured_position > case
                    when p_cursor is null then 0 else extract(epoch from v_from.created_at)
                end
            order by s.featured_position
            limit v_page_size + 1
        ) as p;
    else
        select array_agg(p.s order by (p.s).published_at desc, (p.s).id desc) into v_page
        from (
            select r.s
            from unnest(v_types) as t (content_type)
            cross join lateral (
                select s
                from public.showcase_items as s
                where s.content_type = t.content_type
                    and s.item_status = 'published'
                    and (p_featured is null or s.featured_position is null)
                    and (s.published_at, s.id) < (v_from.created_at, v_from.id)
                order by s.published_at desc, s.id desc
                limit v_page_size + 1
            ) as r
            order by (r.s).published_at desc, (r.s).id desc
            limit v_page_size + 1
        ) as p;
    end if;

    v_last := v_page[v_page_size];
    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.showcase_item(p.item, v_viewer_id, true) order by p.place)
                from unnest(v_page[1:v_page_size]) with ordinality as u
                cross join lateral (select v_page[u.ordinality] as item, u.ordinality as place) as p
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_cursor(
                case
                    when p_featured then timestamptz 'epoch' + v_last.featured_position * interval '1 second'
                    else v_last.published_at
                end,
                v_last.id
            )
        end
    );
end
$$;

comment on function private.list_showcase(text, boolean, text, integer) is 'A page of the showcase.';
revoke all on function private.list_showcase(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.list_showcase(text, boolean, text, integer) to anon, authenticated, service_role;

create function public.list_showcase(
    content_type text default null,
    featured boolean default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_showcase(content_type, featured, cursor, page_size);
end;

comment on function public.list_showcase(text, boolean, text, integer) is
'The showcase, newest first: {items, next_cursor}; featured gives the carousel in its order. For everybody.';
revoke all on function public.list_showcase(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.list_showcase(text, boolean, text, integer) to anon, authenticated, service_role;

-- What the caller handed in, newest first, with how it stands.
create function private.list_my_showcase(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_page public.showcase_items[];
begin
    select array_agg(p.s order by (p.s).submitted_at desc, (p.s).id desc) into v_page
    from (
        select s
        from public.showcase_items as s
        where s.author_id = v_user_id
            and (s.submitted_at, s.id) < (v_from.created_at, v_from.id)
        order by s.submitted_at desc, s.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.own_showcase_item(s) order by s.submitted_at desc, s.id desc)
                from unnest(v_page[1:v_page_size]) as s
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).submitted_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_my_showcase(text, integer) is 'A page of what the caller handed in.';
revoke all on function private.list_my_showcase(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_my_showcase(text, integer) to authenticated;

create function public.list_my_showcase(cursor text default null, page_size integer default 20) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_my_showcase(cursor, page_size);
end;

comment on function public.list_my_showcase(text, integer) is
'What the caller handed in for the showcase, newest first, with status and reason: {items, next_cursor}.';
revoke all on function public.list_my_showcase(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_my_showcase(text, integer) to authenticated;
