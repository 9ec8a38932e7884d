-- Hands in one of the caller's finished videos or images for the showcase. Repeating it answers the same item.
--
-- Queues the copies; nothing is public before an administrator agrees. Locks account, then task or image.
-- Raises invalid_parameter, task_not_found, image_not_found, illegal_state {status, stage}, concurrent_limit_exceeded.
create function private.publish_to_showcase(
    p_task_id uuid,
    p_image_id uuid,
    p_title text,
    p_show_prompt boolean
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history;
    v_image public.image_generation_history;
    v_item public.showcase_items;
    v_settings private.settings;
    v_waiting integer;
    v_mime_type text;
    v_bucket text := 'videos';
    v_file text;
    v_thumbnail text;
    v_name text := '/storage/v1/object/public/showcase/' || gen_random_uuid();
begin
    if num_nonnulls(p_task_id, p_image_id) <> 1 then
        perform private.refuse_parameter(
            'task_id', '"exactly one of task_id and image_id"', 'Name one video or one image.'
        );
    end if;
    if p_title is not null and (p_title !~ '[^[:space:]]' or char_length(p_title) > 120) then
        perform private.refuse_parameter(
            'title', '{"min_length": 1, "max_length": 120}', 'A title has 1 to 120 characters.'
        );
    end if;

    perform private.lock_account(v_user_id);

    if p_task_id is not null then
        select * into v_task
        from public.video_generation_history as h
        where h.id = p_task_id and h.user_id = v_user_id and h.deleted_at is null
        for update;
        if not found then
            perform private.raise_error('task_not_found', 'There is no such video.');
        end if;
        if v_task.status <> 'completed' then
            perform private.raise_error(
                'illegal_state', 'Only a finished video can be shown. Try again when it is done.',
                jsonb_build_object('status', v_task.status, 'stage', null)
            );
        end if;
        v_mime_type := 'video/mp4';
        v_file := substr(v_task.permanent_video_url, length('videos/') + 1);
        v_thumbnail := substr(v_task.thumbnail_url, length('videos/') + 1);
    else
        select * into v_image
        from public.image_generation_history as i
        where i.id = p_image_id and i.user_id = v_user_id and i.deleted_at is null
        for update;
        select o.metadata ->> 'mimetype' into v_mime_type
        from storage.objects as o
        where o.bucket_id = v_image.bucket and o.name = v_image.path;
        if not found then
            perform private.raise_error('image_not_found', 'There is no such image.');
        end if;
        if coalesce(v_mime_type, '') not in ('image/png', 'image/jpeg', 'image/webp') then
            perform private.refuse_parameter(
                'image_id', '["image/png", "image/jpeg", "image/webp"]', 'An image of this kind cannot be shown.'
            );
        end if;
        v_bucket := v_image.bucket;
        v_file := v_image.path;
    end if;

    select * into v_item
    from public.showcase_items as s
    where s.source_task_id = p_task_id or s.source_image_id = p_image_id;
    if found then
        return private.own_showcase_item(v_item);
    end if;

    select * into v_settings from private.settings;
    select count(*)::integer into v_waiting
    from public.showcase_items as s
    where s.author_id = v_user_id and s.item_status in ('copying', 'in_review');
    if v_waiting >= v_settings.showcase_pending_limit then
        perform private.raise_error(
            'concurrent_limit_exceeded',
            format('%s of yours wait for review already. Try again when they have been looked at.', v_waiting),
            jsonb_build_object(
                'limit', v_settings.showcase_pending_limit, 'active', v_waiting, 'retry_after_seconds', 3600
            )
        );
    end if;

    insert into public.showcase_items (
        title, content_type, author_id, source_task_id, source_image_id, show_prompt, item_status, published_at,
        submitted_at, video_url, thumbnail_url, image_url
    )
    values (
        -- Never null: an adopted table may ask for a title, and for an image.
        coalesce(p_title, ''),
        case when p_task_id is null then 'image' else 'video' end,
        v_user_id, p_task_id, p_image_id, coalesce(p_show_prompt, false), 'copying', null, private.now(),
        case when p_task_id is not null then v_name || '.mp4' end,
        case when v_thumbnail is not null then v_name || regexp_replace(v_thumbnail, '^.*(\.\w+)$', '\1') end,
        v_name || case
            when v_thumbnail is not null then regexp_replace(v_thumbnail, '^.*(\.\w+)$', '\1')
            when v_mime_type = 'video/mp4' then '.mp4'
            when v_mime_type = 'image/png' then '.png'
            when v_mime_type = 'image/webp' then '.webp'
            else '.jpg'
        end
    )
    returning * into v_item;

    insert into private.file_jobs (kind, bucket, path, source_bucket, source_path, showcase_item_id)
    select 'copy', 'showcase', private.showcase_object(c.copy), v_bucket, c.source, v_item.id
    from (
        values (coalesce(v_item.video_url, v_item.image_url), v_file), (v_item.thumbnail_url, v_thumbnail)
    ) as c (copy, source)
    where c.source is not null;

    perform private.poke_worker();
    return private.own_showcase_item(v_item);
end
$$;

comment on function private.publish_to_showcase(uuid, uuid, text, boolean) is
'Hands in a video or image for the showcase. See public.publish_to_showcase.';
revoke all on function private.publish_to_showcase(uuid, uuid, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function private.publish_to_showcase(uuid, uuid, text, boolean) to authenticated;

create function public.publish_to_showcase(
    task_id uuid default null,
    image_id uuid default null,
    title text default null,
    show_prompt boolean default false
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.publish_to_showcase(task_id, image_id, title, show_prompt);
end;

comment on function public.publish_to_showcase(uuid, uuid, text, boolean) is
'Hands in the caller''s finished video or image for the showcase: the item, with its status. Repeating it is fine.';
revoke all on function public.publish_to_showcase(uuid, uuid, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.publish_to_showcase(uuid, uuid, text, boolean) to authenticated;
