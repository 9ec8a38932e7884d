-- What a user shows of himself. Goes with the user.
--
-- Almost every live project has a table of that name, keyed by the user's id: it is adopted. Then the host application
-- makes and deletes its rows, and its rights and policies stay as they are: a policy of ours could open a column that
-- they close. We only read display_name.
create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    display_name text,
    created_at timestamptz not null default private.now(),
    constraint display_name_is_short check (char_length(display_name) between 1 and 80)
);

alter table public.profiles add column if not exists display_name text;

do $$
begin
    if private.is_adopted('profiles') then
        return;
    end if;

    comment on table public.profiles is 'What a user shows of himself.';
    alter table public.profiles enable row level security;
    revoke all on table public.profiles from public, anon, authenticated, service_role;
    grant select (id, display_name, created_at) on table public.profiles to authenticated;
    grant update (display_name) on table public.profiles to authenticated;
    grant select on table public.profiles to service_role;

    create policy profiles_are_read_by_their_owner on public.profiles
    for select to authenticated
    using (id = (select auth.uid()));

    create policy profiles_are_renamed_by_their_owner on public.profiles
    for update to authenticated
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));
end
$$;
