-- A user's images: made by the host application, or uploaded as references. Usable as the first frame of a clip.
create table public.image_generation_history (
    id uuid primary key default gen_random_uuid(),
    user_id uuid,
    prompt text,
    bucket text not null,
    path text not null,
    width integer,
    height integer,
    credit_cost integer not null default 0,
    created_at timestamptz not null default private.now(),
    deleted_at timestamptz,
    constraint image_has_a_size check (width > 0 and height > 0),
    constraint image_cost_is_never_negative check (credit_cost >= 0)
);

-- Once it is deleted, another one may take its place.
create unique index image_is_recorded_once
on public.image_generation_history (bucket, path) where deleted_at is null;

create index image_generation_history_by_user
on public.image_generation_history (user_id, created_at desc, id desc) where deleted_at is null;

-- Without a list of what is pending: that would be read through in each search, and images are recorded one by one.
create index image_generation_history_by_words
on public.image_generation_history using gin (private.search_keys(user_id, prompt))
with (fastupdate = off) where deleted_at is null;

comment on table public.image_generation_history is 'A user''s images; each is one object in Storage.';
alter table public.image_generation_history enable row level security;
revoke all on table public.image_generation_history from public, anon, authenticated, service_role;
grant select (
    id, user_id, prompt, bucket, path, width, height, credit_cost, created_at
) on table public.image_generation_history to authenticated;
grant select on table public.image_generation_history to service_role;

create policy images_are_read_by_their_owner on public.image_generation_history
for select to authenticated
using (user_id = (select auth.uid()) and deleted_at is null);
