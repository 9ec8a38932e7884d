-- How content owners are with their videos. A rating outlives the content of its video: it is a number of the product.
create table public.video_ratings (
    task_id uuid primary key references public.video_generation_history (id),
    stars integer not null,
    created_at timestamptz not null default private.now(),
    updated_at timestamptz not null default private.now(),
    constraint stars_are_one_to_five check (stars between 1 and 5)
);

comment on table public.video_ratings is 'One to five stars for a completed video, by its owner.';
alter table public.video_ratings enable row level security;
revoke all on table public.video_ratings from public, anon, authenticated, service_role;
grant select on table public.video_ratings to authenticated, service_role;

create policy ratings_are_read_by_their_owner on public.video_ratings
for select to authenticated
using (
    exists (
        select
        from public.video_generation_history as h
        where h.id = video_ratings.task_id and h.user_id = (select auth.uid()) and h.deleted_at is null
    )
);
