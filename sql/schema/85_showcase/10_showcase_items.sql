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
