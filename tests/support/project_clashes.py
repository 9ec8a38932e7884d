"""What a project that lives may have in the way: how it came about, and what the preflight calls it."""

from __future__ import annotations

# What a project could have, and the object that the preflight must name.
CLASHES = [
    ("create table public.credit_accounts (id int)", "credit_accounts"),
    ("create view public.videos as select 1 as one", "videos"),
    ("create materialized view public.video_models as select 1 as one", "video_models"),
    ("create sequence public.video_models", "video_models"),
    ("create type public.video_models as (one int)", "video_models"),
    ("create type public.video_models as enum ('one')", "type video_models"),
    (
        "create table public.x (id int); create index operation_id_is_unique on public.x (id)",
        "operation_id_is_unique",
    ),
    ("create schema private; create table private.alerts (id int)", "private.alerts"),
    (
        "create function public.get_credits(whose uuid) returns int language sql as 'select 1'",
        "function get_credits(uuid)",
    ),
    (
        "create procedure public.cancel_video() language sql as 'select 1'",
        "function cancel_video()",
    ),
    (
        "create schema private; create function private.now() returns int language sql as 'select 1'",
        "function private.now()",
    ),
    (
        "create function public.greet() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger reelbase_welcome_user after insert on auth.users"
        " for each row execute function public.greet()",
        "trigger reelbase_welcome_user on auth.users",
    ),
    (
        "create policy videos_are_read_by_their_owner on storage.objects using (bucket_id = 'x')",
        "policy videos_are_read_by_their_owner on storage.objects",
    ),
    ("select cron.schedule('video-tick', '* * * * *', 'select 1')", "cron job video-tick"),
    ("create schema worker_api", "schema worker_api"),
    ("create role video_worker login createdb createrole inherit", "role video_worker"),
    ("create role video_worker login noinherit; grant service_role to video_worker", "role video_worker"),
    ("create role video_worker noinherit nologin", "role video_worker"),
    ("insert into storage.buckets (id, name, public) values ('videos', 'videos', true)", "bucket videos"),
    (
        "insert into storage.buckets (id, name, public)"
        " values ('reference-images', 'reference-images', true)",
        "bucket reference-images",
    ),
    ("create table public.credit_transactions (id int)", "table credit_transactions"),
    ("create view public.credit_transactions as select 1 as one", "table credit_transactions"),
    ("create view public.profiles as select 1 as one", "table profiles"),
    ("create table public.profiles (user_id uuid primary key)", "table profiles"),
    ("create table public.profiles (id bigint primary key)", "table profiles"),
    ("create table public.profiles (id uuid)", "table profiles"),
    ("create table public.profiles (id uuid primary key, display_name jsonb)", "table profiles"),
    ("create table public.system_configs (name text primary key, value jsonb)", "table system_configs"),
    ("create table public.system_configs (key text, value jsonb)", "table system_configs"),
    ("create table public.showcase_items (id bigint primary key)", "table showcase_items"),
    ("create table public.showcase_items (id uuid)", "table showcase_items"),
    ("create table public.showcase_items (id uuid primary key, title jsonb)", "table showcase_items"),
    ("create table public.showcase_items (id uuid primary key, like_count bigint)", "table showcase_items"),
    (
        "create table public.showcase_items (id uuid primary key, category text not null)",
        "table showcase_items",
    ),
    ("create table public.showcase_items (id uuid primary key)", "table showcase_items"),
    (
        "insert into storage.buckets (id, name, public) values ('showcase', 'showcase', false)",
        "bucket showcase",
    ),
]

# The same for a table system_configs that would fit without this.
CONFIG_CLASHES = [
    ("alter table public.system_configs alter column value type text", "column value is text"),
    ("alter table public.system_configs alter column value type json", "column value is json"),
    ("alter table public.system_configs add column updated_by uuid", "column updated_by is uuid"),
    (
        "alter table public.system_configs add column updated_by text not null",
        "column updated_by must be given",
    ),
    ("alter table public.system_configs add column value_type text", "column value_type is text"),
    ("alter table public.system_configs add column section text not null", "column section must be given"),
    (
        "alter table public.system_configs disable row level security",
        "row level security is off, and clients have rights",
    ),
    (
        "alter table public.system_configs add constraint config_type_is_known check (true)",
        "it has a constraint config_type_is_known",
    ),
    (
        "create policy configs_of_ours_are_closed_to_clients on public.system_configs",
        "it has a policy configs_of_ours_are_closed_to_clients",
    ),
    (
        "create function public.note() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger record_change before update on public.system_configs"
        " for each row execute function public.note()",
        "it has a trigger record_change",
    ),
    (
        "insert into public.system_configs (key, value) values ('video_concurrent_limit', '1001')",
        "its key video_concurrent_limit has the value 1001",
    ),
    (
        "insert into public.system_configs (key, value) values ('video_batch_size', '2.5')",
        "its key video_batch_size has the value 2.5",
    ),
    (
        "insert into public.system_configs (key, value) values ('video_generation_enabled', '\"yes\"')",
        'its key video_generation_enabled has the value "yes"',
    ),
    (
        "insert into public.system_configs (key, value) values ('video_default_model', null)",
        "its key video_default_model has the value ",
    ),
    (
        "insert into public.system_configs (key, value) values ('video_disabled_until', '\"tomorrow\"')",
        'its key video_disabled_until has the value "tomorrow"',
    ),
]
CONFIGS_THAT_FIT = """
    create table public.system_configs (id serial primary key, key text not null unique, value jsonb);
    alter table public.system_configs enable row level security;
"""
