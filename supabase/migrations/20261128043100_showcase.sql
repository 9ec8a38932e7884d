-- A showcase: users show finished videos and images to everybody, once an administrator has looked at them.
--
-- The worker copies the files into a public bucket; the private ones stay closed. A worker of the release before goes
-- on deleting: it is not given copies to make, because it does not name that kind when it claims.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid, disallowed-unique-constraint
-- squawk-ignore-file adding-not-nullable-field, require-concurrent-index-creation
-- squawk-ignore-file ban-drop-constraint, ban-drop-default, ban-drop-function
set lock_timeout = '5s';
set statement_timeout = '60s';

-- A host application may have the table: noted before we touch it.
insert into private.adopted_tables (name, had_columns)
select
    c.relname,
    array_agg(a.attname::text order by a.attnum) as had_columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
where c.oid = to_regclass('public.showcase_items') and a.attnum > 0 and not a.attisdropped
group by c.relname;

alter table private.file_jobs
add column source_bucket text,
add column source_path text,
add column showcase_item_id uuid,
drop constraint file_job_kind_is_known,
drop constraint file_job_has_a_bucket,
add constraint file_job_kind_is_known check (kind in ('delete', 'delete_google', 'copy')),
add constraint file_job_has_a_bucket check ((kind in ('delete', 'copy')) = (bucket is not null)),
add constraint only_copies_have_a_source check (
    num_nonnulls(source_bucket, source_path, showcase_item_id) = case when kind = 'copy' then 3 else 0 end
);

create index file_jobs_by_showcase_item
on private.file_jobs (showcase_item_id) where showcase_item_id is not null;

comment on table private.file_jobs is 'Files the worker has to delete or copy. Gone when done.';

-- What users show of their work to everybody, after an administrator has looked at it.
--
--   copying -> in_review -> published <-> hidden
--      |           |            |           |
--      |           +-> rejected |           |
--      +-----------+------------+-----------+--> taken_down
--
-- The worker copies file and thumbnail into the public bucket `showcase`, under random names that nobody but
-- administrators learns before the item is published. The private buckets are never opened. An item goes, with its
-- copies, when its author withdraws it or its video, its image or its author is deleted; one that was rejected or taken
-- down stays as a row, so that it cannot be handed in again.
--
-- A live project may have a table of that name (id uuid): it is adopted. Its rows have no author and no source, and
-- become images. Those that visitors could read already are published; the others, and what the host application adds
-- later, wait for review. A row with a source is ours, and no client reaches it but through our functions.
--
-- image_url is what a client without video shows: the image, or the poster of a video. Of ours, each URL is a path on
-- the project's own host.
create table if not exists public.showcase_items (
    id uuid primary key default gen_random_uuid()
);

-- No function of ours in defaults and checks: see 20_configuration/10_system_configs.sql.
alter table public.showcase_items
add column if not exists title text,
add column if not exists image_url text,
add column if not exists video_url text,
add column if not exists thumbnail_url text,
add column content_type text not null default 'image',
add column author_id uuid,
add column source_task_id uuid references public.video_generation_history (id),
add column source_image_id uuid references public.image_generation_history (id),
add column item_status text not null default 'published',
add column status_reason text,
add column show_prompt boolean not null default false,
add column featured_position integer,
add column like_count integer not null default 0,
add column submitted_at timestamptz not null default now(),
add column published_at timestamptz default now(),
add constraint showcase_content_type_is_known check (content_type in ('image', 'video')),
add constraint item_status_is_known check (
    item_status in ('copying', 'in_review', 'published', 'hidden', 'rejected', 'taken_down')
),
add constraint item_shows_one_source check (
    num_nonnulls(source_task_id, source_image_id) = num_nonnulls(author_id)
),
add constraint item_is_what_its_source_is check (
    (source_task_id is null or content_type = 'video') and (source_image_id is null or content_type = 'image')
),
add constraint source_is_shown_once unique (source_task_id),
add constraint image_is_shown_once unique (source_image_id),
add constraint title_of_an_item_is_short check (author_id is null or char_length(title) <= 120),
add constraint refused_items_say_why check (
    item_status not in ('rejected', 'taken_down') or status_reason is not null
),
add constraint published_items_are_dated check (item_status <> 'published' or published_at is not null),
add constraint only_published_items_are_featured check (featured_position is null or item_status = 'published'),
add constraint carousel_has_five_places check (featured_position between 1 and 5),
add constraint carousel_place_holds_one_item unique (featured_position),
add constraint like_count_is_never_negative check (like_count >= 0);

-- What is there already is published; what comes is not.
alter table public.showcase_items
alter column item_status set default 'in_review',
alter column published_at drop default;

create index showcase_items_published
on public.showcase_items (content_type, published_at desc, id desc) where item_status = 'published';
create index showcase_items_by_status on public.showcase_items (item_status, submitted_at desc, id desc);
create index showcase_items_by_author on public.showcase_items (author_id, submitted_at desc, id desc);

comment on column public.showcase_items.author_id is 'Who published it; null for a row of the host application.';
comment on column public.showcase_items.status_reason is
'Why it was hidden, rejected or taken down; shown to its author.';
comment on column public.showcase_items.featured_position is 'Its place in the carousel, 1 to 5.';

alter table public.showcase_items enable row level security;

-- Restrictive: whatever the host application's own policies open, they do not open our rows.
create policy showcase_items_of_ours_are_closed_to_clients on public.showcase_items
as restrictive for all to anon, authenticated
using (author_id is null)
with check (author_id is null);

do $$
declare
    v_role text := current_setting('role');
    v_seen uuid[] := '{}';
begin
    if not private.is_adopted('showcase_items') then
        comment on table public.showcase_items is 'Videos and images shown to everybody, and those that wait for it.';
        revoke all on table public.showcase_items from public, anon, authenticated, service_role;
        grant select on table public.showcase_items to service_role;
        return;
    end if;

    -- Nothing becomes public that was not: the host application's own rights and policies say what a visitor sees.
    begin
        perform set_config('role', 'anon', true);
        v_seen := array(select s.id from public.showcase_items as s);
        perform set_config('role', v_role, true);
    exception
        when others then
            null; -- He sees nothing. His role went with the subtransaction.
    end;
    update public.showcase_items as s
    set item_status = 'in_review', published_at = null
    where s.id <> all (v_seen);

    if exists (
        select
        from private.adopted_tables as a
        where a.name = 'showcase_items' and 'created_at' = any (a.had_columns)
    ) then
        execute 'update public.showcase_items as s set published_at = s.created_at::timestamptz
            where s.item_status = ''published'' and s.created_at is not null';
    end if;
end
$$;

-- Who likes what. showcase_items.like_count counts these rows, on the locked item, so it is exact.
create table public.showcase_likes (
    item_id uuid not null references public.showcase_items (id) on delete cascade,
    user_id uuid not null,
    created_at timestamptz not null default private.now(),
    constraint like_is_counted_once primary key (item_id, user_id)
);

create index showcase_likes_by_user on public.showcase_likes (user_id);

comment on table public.showcase_likes is 'One row for each user who likes an item.';
alter table public.showcase_likes enable row level security;
revoke all on table public.showcase_likes from public, anon, authenticated, service_role;
grant select on table public.showcase_likes to service_role;

-- A copy is made for an item, and is not made any more when the item goes.
alter table private.file_jobs
add constraint file_job_copies_for_an_item foreign key (showcase_item_id)
references public.showcase_items (id) on delete cascade;

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

-- How an item leaves: by its author, with its video or image, with its author's user.

-- Deletes an item's copies, and those not made yet. The caller holds the item's lock.
--
-- Twice: now, and once more when a copy that a worker has begun at this moment must have ended.
create function private.drop_showcase_files(p_item public.showcase_items) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
begin
    delete from private.file_jobs as f where f.showcase_item_id = p_item.id;

    insert into private.file_jobs (kind, bucket, path, due_at)
    select distinct 'delete', 'showcase', private.showcase_object(u.url), v_now + w.wait
    from (values (p_item.image_url), (p_item.video_url), (p_item.thumbnail_url)) as u (url)
    cross join (
        select unnest(array['0 seconds', 10 * s.lease_period]) as wait from private.settings as s
    ) as w
    where p_item.author_id is not null and private.showcase_object(u.url) is not null;

    perform private.poke_worker();
end
$$;

comment on function private.drop_showcase_files(public.showcase_items) is 'Queues the deletion of an item''s copies.';
revoke all on function private.drop_showcase_files(public.showcase_items)
from public, anon, authenticated, service_role;

-- Withdraws an item of the caller. Repeating it raises item_not_found, as for somebody else's; one that was rejected or
-- taken down is out already, and stays as a row. Locks account and item.
create function private.remove_from_showcase(p_item_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_item public.showcase_items;
begin
    perform private.lock_account(v_user_id);
    select * into v_item
    from public.showcase_items as s
    where s.id = p_item_id and s.author_id = v_user_id
    for update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if v_item.item_status not in ('rejected', 'taken_down') then
        perform private.drop_showcase_files(v_item);
        delete from public.showcase_items as s where s.id = p_item_id;
    end if;
    return '{"removed": true}'::jsonb;
end
$$;

comment on function private.remove_from_showcase(uuid) is
'Withdraws the caller''s item. See public.remove_from_showcase.';
revoke all on function private.remove_from_showcase(uuid) from public, anon, authenticated, service_role;
grant execute on function private.remove_from_showcase(uuid) to authenticated;

create function public.remove_from_showcase(item_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.remove_from_showcase(item_id);
end;

comment on function public.remove_from_showcase(uuid) is
'Withdraws the caller''s item from the showcase, with its public copies: {removed}.';
revoke all on function public.remove_from_showcase(uuid) from public, anon, authenticated, service_role;
grant execute on function public.remove_from_showcase(uuid) to authenticated;

-- A video or an image is deleted: what was shown of it goes too, whatever became of the item.
create function private.withdraw_from_showcase() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item public.showcase_items;
begin
    delete from public.showcase_items as s
    where s.source_task_id = new.id or s.source_image_id = new.id
    returning * into v_item;
    if found then
        perform private.drop_showcase_files(v_item);
    end if;
    return null;
end
$$;

comment on function private.withdraw_from_showcase() is 'Trigger: withdraws the item of a deleted video or image.';
revoke all on function private.withdraw_from_showcase() from public, anon, authenticated, service_role;

create trigger withdraw_from_showcase
after update of deleted_at on public.video_generation_history
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.withdraw_from_showcase();

create trigger withdraw_from_showcase
after update of deleted_at on public.image_generation_history
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.withdraw_from_showcase();

-- A user is deleted: his items and his likes go. Part of private.forget_user, which holds his account's lock.
create function private.forget_showcase(p_user_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item public.showcase_items;
begin
    -- All of them first, in id order: two users who like each other's items may be deleted at the same moment.
    perform
    from public.showcase_items as s
    where s.author_id = p_user_id
        or s.id in (select l.item_id from public.showcase_likes as l where l.user_id = p_user_id)
    order by s.id
    for update;

    for v_item in
        delete from public.showcase_items as s where s.author_id = p_user_id returning *
    loop
        perform private.drop_showcase_files(v_item);
    end loop;

    with gone as (
        delete from public.showcase_likes as l where l.user_id = p_user_id returning l.item_id
    )
    update public.showcase_items as s
    set like_count = s.like_count - 1
    from gone
    where s.id = gone.item_id;
end
$$;

comment on function private.forget_showcase(uuid) is 'Takes a deleted user''s items and likes out of the showcase.';
revoke all on function private.forget_showcase(uuid) from public, anon, authenticated, service_role;

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

-- The caller likes a published item, or does so no more. Repeating it is fine, and the count is exact.
--
-- Locks the caller's account against his deletion, then the item. Raises item_not_found.
create function private.set_showcase_like(p_item_id uuid, p_liked boolean) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_liked boolean := coalesce(p_liked, true);
    v_count integer;
    v_changed integer;
begin
    -- Shared: it waits for nothing but the end of the account.
    perform from public.credit_accounts as a where a.user_id = v_user_id for key share;
    if not found then
        perform private.lock_account(v_user_id);
    end if;

    select s.like_count into v_count
    from public.showcase_items as s
    where s.id = p_item_id and s.item_status = 'published'
    for no key update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if v_liked then
        insert into public.showcase_likes (item_id, user_id) values (p_item_id, v_user_id) on conflict do nothing;
    else
        delete from public.showcase_likes as l where l.item_id = p_item_id and l.user_id = v_user_id;
    end if;
    get diagnostics v_changed = row_count;

    if v_changed > 0 then
        v_count := v_count + case when v_liked then 1 else -1 end;
        update public.showcase_items as s set like_count = v_count where s.id = p_item_id;
    end if;
    return jsonb_build_object('liked', v_liked, 'like_count', v_count);
end
$$;

comment on function private.set_showcase_like(uuid, boolean) is
'Sets the caller''s like. See public.set_showcase_like.';
revoke all on function private.set_showcase_like(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function private.set_showcase_like(uuid, boolean) to authenticated;

create function public.set_showcase_like(item_id uuid, liked boolean default true) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.set_showcase_like(item_id, liked);
end;

comment on function public.set_showcase_like(uuid, boolean) is
'The caller likes a published item, or no more: {liked, like_count}. Repeating it is fine.';
revoke all on function public.set_showcase_like(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function public.set_showcase_like(uuid, boolean) to authenticated;

-- Administrators look at what is handed in, and decide.

-- A page of the items that stand like this, newest first.
create function private.admin_list_showcase(p_status text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_status text := coalesce(p_status, 'in_review');
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_page public.showcase_items[];
begin
    perform private.require_admin();
    if v_status not in ('copying', 'in_review', 'published', 'hidden', 'rejected', 'taken_down') then
        perform private.refuse_parameter(
            'status', '["copying", "in_review", "published", "hidden", "rejected", "taken_down"]',
            'This status does not exist.'
        );
    end if;

    select array_agg(p.s order by (p.s).submitted_at desc, (p.s).id desc) into v_page
    from (
        select s
        from public.showcase_items as s
        where s.item_status = v_status
            and (s.submitted_at, s.id) < (v_from.created_at, v_from.id)
        order by s.submitted_at desc, s.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.reviewed_showcase_item(s) order by s.submitted_at desc, s.id desc)
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

comment on function private.admin_list_showcase(text, text, integer) is 'A page of items by status, for review.';
revoke all on function private.admin_list_showcase(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_list_showcase(text, text, integer) to authenticated;

create function public.admin_list_showcase(
    status text default 'in_review',
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_showcase(status, cursor, page_size);
end;

comment on function public.admin_list_showcase(text, text, integer) is
'Showcase items by status, with author, prompt and files: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_showcase(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_list_showcase(text, text, integer) to authenticated;

-- approve, reject, hide or take_down. Repeating a decision is fine. All but approval need a reason, which the author
-- reads. Rejecting and taking down delete the public copies and are final; a hidden item can be approved again.
--
-- Locks the item. Raises not_admin, invalid_parameter, item_not_found, illegal_state {status, stage}.
create function private.admin_review_showcase_item(p_item_id uuid, p_decision text, p_reason text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_item public.showcase_items;
    v_target text := case p_decision
        when 'approve' then 'published'
        when 'reject' then 'rejected'
        when 'hide' then 'hidden'
        when 'take_down' then 'taken_down'
    end;
begin
    if v_target is null then
        perform private.refuse_parameter(
            'decision', '["approve", "reject", "hide", "take_down"]', 'This decision does not exist.'
        );
    end if;
    if char_length(p_reason) > 500 or (v_target <> 'published' and coalesce(p_reason, '') !~ '[^[:space:]]') then
        perform private.refuse_parameter(
            'reason', '{"min_length": 1, "max_length": 500}', 'Say why, in 1 to 500 characters: its author reads it.'
        );
    end if;

    select * into v_item from public.showcase_items as s where s.id = p_item_id for update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;
    if v_item.item_status = v_target then
        return private.reviewed_showcase_item(v_item);
    end if;
    if (v_item.item_status, v_target) not in (
        ('in_review', 'published'), ('hidden', 'published'), ('in_review', 'rejected'), ('published', 'hidden'),
        ('copying', 'taken_down'), ('in_review', 'taken_down'), ('published', 'taken_down'), ('hidden', 'taken_down')
    ) then
        perform private.raise_error(
            'illegal_state', format('An item that is %s cannot become %s.', v_item.item_status, v_target),
            jsonb_build_object('status', v_item.item_status, 'stage', null)
        );
    end if;

    update public.showcase_items as s
    set
        item_status = v_target,
        status_reason = case when v_target <> 'published' then p_reason end,
        published_at = coalesce(s.published_at, case when v_target = 'published' then private.now() end),
        featured_position = null
    where s.id = p_item_id
    returning * into v_item;

    if v_target in ('rejected', 'taken_down') then
        perform private.drop_showcase_files(v_item);
    end if;

    insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
    values (
        v_actor, 'review_showcase_item', v_item.author_id, v_item.source_task_id,
        jsonb_build_object('item_id', p_item_id, 'decision', p_decision), p_reason
    );
    return private.reviewed_showcase_item(v_item);
end
$$;

comment on function private.admin_review_showcase_item(uuid, text, text) is
'Approves, rejects, hides or takes down an item. See public.admin_review_showcase_item.';
revoke all on function private.admin_review_showcase_item(uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_review_showcase_item(uuid, text, text) to authenticated;

create function public.admin_review_showcase_item(
    item_id uuid,
    decision text,
    reason text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_review_showcase_item(item_id, decision, reason);
end;

comment on function public.admin_review_showcase_item(uuid, text, text) is
'approve, reject, hide or take_down: the item. Administrators only.';
revoke all on function public.admin_review_showcase_item(uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_review_showcase_item(uuid, text, text) to authenticated;

-- Puts a published item into one of the five places of the carousel, the first free one if none is named, or takes it
-- out. Who is in a place that is named leaves it.
--
-- Locks the item and those in the carousel. Raises not_admin, invalid_parameter, item_not_found, illegal_state.
create function private.admin_feature_showcase_item(
    p_item_id uuid,
    p_featured boolean,
    p_position integer
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_item public.showcase_items;
    v_position integer;
begin
    if p_position not between 1 and 5 then
        perform private.refuse_parameter(
            'position', '{"minimum": 1, "maximum": 5}', 'The carousel has places 1 to 5.'
        );
    end if;

    -- In id order, as two administrators may change places at the same moment.
    perform
    from public.showcase_items as s
    where s.id = p_item_id or s.featured_position is not null
    order by s.id
    for update;
    select * into v_item from public.showcase_items as s where s.id = p_item_id;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if coalesce(p_featured, true) then
        if v_item.item_status <> 'published' then
            perform private.raise_error(
                'illegal_state', 'Only a published item can be featured.',
                jsonb_build_object('status', v_item.item_status, 'stage', null)
            );
        end if;
        v_position := coalesce(
            p_position,
            v_item.featured_position,
            (
                select min(n) from generate_series(1, 5) as n
                where not exists (select from public.showcase_items as s where s.featured_position = n)
            )
        );
        if v_position is null then
            perform private.raise_error(
                'illegal_state', 'All five places are taken: name the one to give to this item.',
                jsonb_build_object('status', v_item.item_status, 'stage', null)
            );
        end if;
        update public.showcase_items as s
        set featured_position = null
        where s.featured_position = v_position and s.id <> p_item_id;
    end if;

    if v_item.featured_position is distinct from v_position then
        update public.showcase_items as s
        set featured_position = v_position
        where s.id = p_item_id
        returning * into v_item;
        insert into private.admin_actions (actor, action, user_id, task_id, details)
        values (
            v_actor, 'feature_showcase_item', v_item.author_id, v_item.source_task_id,
            jsonb_build_object('item_id', p_item_id, 'position', v_position)
        );
    end if;
    return private.reviewed_showcase_item(v_item);
end
$$;

comment on function private.admin_feature_showcase_item(uuid, boolean, integer) is
'Gives an item a place in the carousel. See public.admin_feature_showcase_item.';
revoke all on function private.admin_feature_showcase_item(uuid, boolean, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_feature_showcase_item(uuid, boolean, integer) to authenticated;

create function public.admin_feature_showcase_item(
    item_id uuid,
    featured boolean default true,
    "position" integer default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_feature_showcase_item(item_id, featured, position);
end;

comment on function public.admin_feature_showcase_item(uuid, boolean, integer) is
'Gives a published item a place in the carousel, 1 to 5, or takes it out: the item. Administrators only.';
revoke all on function public.admin_feature_showcase_item(uuid, boolean, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_feature_showcase_item(uuid, boolean, integer) to authenticated;

-- Another argument is another function: the old one goes, and its callers find this one by its default.
drop function worker_api.claim_file_jobs(text, integer);

-- Files to delete or copy. A job is gone when done; a failed one comes back later, and from its tenth failure on is an
-- alert. Only the kinds that the worker names are handed out: one of the release before copies nothing.
--
-- {file_job_id, kind, bucket, path, lease_token, provider, operation_id}; a copy has {source_bucket, source_path} too.
-- For delete_google provider and operation are those of the call with this output prefix, as they are now: an operation
-- that was handed in late is known here. Null if none.
create function worker_api.claim_file_jobs(
    worker_id text,
    slots integer,
    kinds text[] default '{delete,delete_google}'
) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with due as materialized (
        select f.id, f.kind, f.path
        from private.file_jobs as f
        where f.due_at <= v_now and f.kind = any (claim_file_jobs.kinds)
        order by f.due_at
        limit least(greatest(slots, 0), v_settings.batch_size)
        for update skip locked
    )
    update private.file_jobs as f
    set lease_token = gen_random_uuid(), leased_by = worker_id, due_at = v_now + v_settings.lease_period
    from due
    left join private.provider_calls as c on due.kind = 'delete_google' and c.output_prefix = due.path
    where f.id = due.id
    returning jsonb_build_object(
        'file_job_id', f.id, 'kind', f.kind, 'bucket', f.bucket, 'path', f.path, 'lease_token', f.lease_token,
        'provider', c.provider, 'operation_id', c.operation_id
    ) || case
        when f.kind = 'copy'
            then jsonb_build_object('source_bucket', f.source_bucket, 'source_path', f.source_path)
        else '{}'
    end;
end
$$;

comment on function worker_api.claim_file_jobs(text, integer, text[]) is 'Leases files to delete or copy to a worker.';
revoke all on function worker_api.claim_file_jobs(text, integer, text[]) from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_file_jobs(text, integer, text[]) to video_worker;

-- The file is gone, or copied. The last copy of an item of the showcase hands it to the reviewers. Locks that item
-- first: who withdraws it does so too.
create or replace function worker_api.complete_file_job(file_job_id bigint, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item_id uuid;
begin
    select f.showcase_item_id into v_item_id
    from private.file_jobs as f
    where f.id = complete_file_job.file_job_id;
    perform from public.showcase_items as s where s.id = v_item_id for update;

    delete from private.file_jobs as f
    where f.id = complete_file_job.file_job_id and f.lease_token = complete_file_job.lease_token;
    if found then
        update public.showcase_items as s
        set item_status = 'in_review'
        where s.id = v_item_id
            and s.item_status = 'copying'
            and not exists (select from private.file_jobs as f where f.showcase_item_id = v_item_id);
        return '{"result": "applied"}'::jsonb;
    end if;
    if exists (select from private.file_jobs as f where f.id = complete_file_job.file_job_id) then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    return '{"result": "already_applied"}'::jsonb;
end
$$;

comment on function worker_api.complete_file_job(bigint, uuid) is 'The file is gone, or copied: so is its job.';
revoke all on function worker_api.complete_file_job(bigint, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_file_job(bigint, uuid) to video_worker;

comment on function worker_api.fail_file_job(bigint, uuid, jsonb) is
'The file could not be deleted or copied: tries again later.';

-- showcase  <random>.<ending>: copies of what users show, made and deleted by the worker. Public: who has a name can
--           read the file, and no policy lets anybody list the names.
--
-- A private bucket of that name is the host application's, and nothing of it may become public.
do $$
begin
    if exists (select from storage.buckets as b where b.id = 'showcase' and not b.public) then
        raise exception 'there is a private bucket showcase already'
            using hint = 'Move its files to another bucket and delete it, then push again.';
    end if;
end
$$;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
('showcase', 'showcase', true, 524288000, '{video/mp4,image/png,image/jpeg,image/webp}')
on conflict (id) do update
    set
        file_size_limit = excluded.file_size_limit,
        allowed_mime_types = excluded.allowed_mime_types;
