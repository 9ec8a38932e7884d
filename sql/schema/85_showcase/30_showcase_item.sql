-- An item as everybody may see it. Nothing in it names its author's id, his prompt unless he agreed, or a private file.
--
-- URLs are null where the copies are not for this reader: p_shows_files. A row of the host application keeps the URL it
-- has; of ours, a path below storage_public_url, or below the project's own host where that is not set.
create function private.showcase_item(
    p_item public.showcase_items,
    p_viewer_id uuid,
    p_shows_files boolean
) returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
    select jsonb_build_object(
        'id', p_item.id,
        'content_type', p_item.content_type,
        'title', nullif(p_item.title, ''),
        'prompt', case when p_item.show_prompt then coalesce(h.prompt, i.prompt) end,
        'author_name', (select p.display_name from public.profiles as p where p.id = p_item.author_id),
        'image_url', case when p_item.content_type = 'image' then u.image_url end,
        'video_url', u.video_url,
        'thumbnail_url', coalesce(u.thumbnail_url, case when p_item.content_type = 'image' then u.image_url end),
        'duration', h.duration,
        'resolution', h.resolution,
        'like_count', p_item.like_count,
        'liked_by_me', exists (
            select from public.showcase_likes as l where l.item_id = p_item.id and l.user_id = p_viewer_id
        ),
        'featured', p_item.featured_position is not null,
        'created_at', coalesce(p_item.published_at, p_item.submitted_at),
        'ai_generated', case
            when h.id is not null then true
            when i.id is not null then i.prompt is not null
        end,
        'provenance', case
            when p_item.author_id is not null then jsonb_build_object(
                'provider', m.provider,
                'model', h.model,
                'created_at', coalesce(h.completed_at, i.created_at),
                'sha256', h.sha256
            )
        end
    )
    from private.settings as s
    left join public.video_generation_history as h on h.id = p_item.source_task_id
    left join public.video_models as m on m.id = h.model
    left join public.image_generation_history as i on i.id = p_item.source_image_id
    cross join lateral (
        select
            max(a.url) filter (where a.name = 'image') as image_url,
            max(a.url) filter (where a.name = 'video') as video_url,
            max(a.url) filter (where a.name = 'thumbnail') as thumbnail_url
        from (
            select
                f.name,
                case when p_item.author_id is not null then coalesce(rtrim(s.storage_public_url, '/'), '') else '' end
                || f.path as url
            from (
                values
                ('image', p_item.image_url), ('video', p_item.video_url), ('thumbnail', p_item.thumbnail_url)
            ) as f (name, path)
            where p_shows_files
        ) as a
    ) as u
$$;

comment on function private.showcase_item(public.showcase_items, uuid, boolean) is
'An item as a reader sees it; URLs only if he may have them.';
revoke all on function private.showcase_item(public.showcase_items, uuid, boolean)
from public, anon, authenticated, service_role;

-- The same for its author, who also sees how it stands and why; its files once everybody does.
create function private.own_showcase_item(p_item public.showcase_items) returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
    select private.showcase_item(p_item, p_item.author_id, p_item.item_status = 'published') || jsonb_build_object(
        'status', p_item.item_status,
        'reason', p_item.status_reason,
        'task_id', p_item.source_task_id,
        'image_id', p_item.source_image_id,
        'show_prompt', p_item.show_prompt
    )
$$;

comment on function private.own_showcase_item(public.showcase_items) is 'An item as its author sees it.';
revoke all on function private.own_showcase_item(public.showcase_items) from public, anon, authenticated, service_role;

-- The same for an administrator, who sees the copies as soon as they are there, the author and the prompt.
create function private.reviewed_showcase_item(p_item public.showcase_items) returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
    select private.own_showcase_item(p_item)
        || private.showcase_item(p_item, null, p_item.item_status in ('in_review', 'published', 'hidden'))
        || jsonb_build_object(
            'author_id', p_item.author_id,
            'prompt', coalesce(
                (select h.prompt from public.video_generation_history as h where h.id = p_item.source_task_id),
                (select i.prompt from public.image_generation_history as i where i.id = p_item.source_image_id)
            ),
            'featured_position', p_item.featured_position,
            'submitted_at', p_item.submitted_at,
            'published_at', p_item.published_at
        )
$$;

comment on function private.reviewed_showcase_item(public.showcase_items) is 'An item as an administrator sees it.';
revoke all on function private.reviewed_showcase_item(public.showcase_items)
from public, anon, authenticated, service_role;

-- The name, in bucket showcase, of a copy that one of our rows points to. Null for any other URL.
create function private.showcase_object(p_url text) returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select substring(p_url from '^/storage/v1/object/public/showcase/(.+)$')
$$;

comment on function private.showcase_object(text) is 'The object in bucket showcase that this URL is of.';
revoke all on function private.showcase_object(text) from public, anon, authenticated, service_role;
