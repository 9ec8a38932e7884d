-- The caller's tasks, newest first: {items, next_cursor}. status filters; 'in_progress' is every live one.
--
-- Planned for each call with its values: a plan for anybody and any status would read all rows of the largest user for
-- somebody who has none, or for a status that hardly occurs.
create function private.list_videos(p_status text, p_cursor text, p_page_size integer) returns jsonb
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
    v_live uuid[];
    v_page public.video_generation_history[];
begin
    if p_status not in (
        'pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled', 'in_progress'
    ) then
        perform private.refuse_parameter(
            'status',
            '["pending", "processing", "downloading", "completed", "failed", "cancelled", "in_progress"]',
            'This status does not exist.'
        );
    end if;

    -- One row more than the page tells whether there is a next one. Live tasks are few, and found by their jobs.
    if p_status is null then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    elsif p_status in ('completed', 'failed', 'cancelled') then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.status = p_status
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    else
        v_live := array(
            select j.task_id
            from public.credit_accounts as a
            inner join private.video_jobs as j on a.id = j.account_id
            where a.user_id = v_user_id
        );
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.id = any (v_live)
                and p_status in (h.status, 'in_progress')
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    private.video_status(h) || jsonb_build_object(
                        'prompt', h.prompt,
                        'negative_prompt', h.negative_prompt,
                        'duration', h.duration,
                        'resolution', h.resolution,
                        'aspect_ratio', h.aspect_ratio,
                        'model', h.model,
                        'stars', (select r.stars from public.video_ratings as r where r.task_id = h.id)
                    )
                    order by h.created_at desc, h.id desc
                )
                from unnest(v_page[1:v_page_size]) as h
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_videos(text, text, integer) is 'A page of the caller''s tasks.';
revoke all on function private.list_videos(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_videos(text, text, integer) to authenticated;

create function public.list_videos(
    status text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_videos(status, cursor, page_size);
end;

comment on function public.list_videos(text, text, integer) is
'The caller''s tasks, newest first: {items, next_cursor}. status also takes in_progress.';
revoke all on function public.list_videos(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_videos(text, text, integer) to authenticated;
