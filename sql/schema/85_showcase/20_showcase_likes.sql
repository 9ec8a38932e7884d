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
