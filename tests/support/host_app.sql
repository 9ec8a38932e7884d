-- A project that lived before Reelbase came: what Supabase's own guides make, and a small app that sells images.
create schema private;
grant usage on schema private to authenticated;

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    username text unique not null,
    is_moderator boolean not null default false
);
alter table public.profiles enable row level security;
create policy "Public profiles are viewable by everyone." on public.profiles for select using (true);

create function private.handle_new_user() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into public.profiles (id, username) values (new.id, 'user-' || new.id);
    return new;
end
$$;

-- Named to fire after ours.
create trigger zz_handle_new_user
after insert on auth.users
for each row execute function private.handle_new_user();

create table public.system_configs (
    id uuid primary key default gen_random_uuid(),
    key text not null unique,
    value jsonb,
    updated_at timestamptz default now()
);
alter table public.system_configs enable row level security;
create policy "Everybody reads the configuration." on public.system_configs for select using (true);
create policy "Users write the configuration." on public.system_configs
for all to authenticated using (true) with check (true);
insert into public.system_configs (key, value) values
('image_price', '3'), ('welcome_text', 'null'), ('signup_bonus_credits', '5');

create table public.credit_transactions (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    amount integer not null,
    created_at timestamptz not null default now()
);
alter table public.credit_transactions enable row level security;

create table public.showcase_items (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    image_url text not null
);
alter table public.showcase_items enable row level security;
create policy "What is not a draft is public." on public.showcase_items for select using (title <> 'A draft');
insert into public.showcase_items (title, image_url) values
('A cat', 'https://example.com/cat.png'), ('A draft', 'https://example.com/draft.png');

insert into storage.buckets (id, name, public) values ('videos', 'videos', false), ('avatars', 'avatars', true);
create policy "Avatars are public." on storage.objects for select using (bucket_id = 'avatars');

select cron.schedule('nightly', '0 3 * * *', 'select 1');
