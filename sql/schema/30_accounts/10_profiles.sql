-- What a user shows of himself. Goes with the user.
create table public.profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    display_name text,
    created_at timestamptz not null default private.now(),
    constraint display_name_is_short check (char_length(display_name) between 1 and 80)
);

comment on table public.profiles is 'What a user shows of himself.';
alter table public.profiles enable row level security;
revoke all on table public.profiles from public, anon, authenticated, service_role;
grant select (user_id, display_name, created_at) on table public.profiles to authenticated;
grant update (display_name) on table public.profiles to authenticated;
grant select on table public.profiles to service_role;

create policy profiles_are_read_by_their_owner on public.profiles
for select to authenticated
using (user_id = (select auth.uid()));

create policy profiles_are_renamed_by_their_owner on public.profiles
for update to authenticated
using (user_id = (select auth.uid()))
with check (user_id = (select auth.uid()));
