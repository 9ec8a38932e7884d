-- Schema storage as storage-api v1.90 leaves it on a hosted project: buckets, objects, the helpers policies use, and
-- the protection against deleting rows whose bytes would stay behind.
--
-- Run once per cluster by the superuser supabase_admin, before any migration. The schema belongs to supabase_admin and
-- everything in it to supabase_storage_admin, so role postgres can put policies and triggers on the tables and rows
-- into them, but cannot alter what is here: the limits a hosted project has.
--
-- Every API role has ALL on buckets and objects: row security, which starts without a policy, does all the work.
-- Left out because nothing here writes them: buckets of other types (analytics, vectors, Iceberg), object versions,
-- and the search functions, whose place the service's own queries take.

create schema if not exists storage authorization supabase_admin;

grant usage on schema storage to postgres, anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin;

set role supabase_storage_admin;

-- What a policy may ask -------------------------------------------------------------------------------------------

create or replace function storage.foldername(name text) returns text[]
language sql
immutable
as $$
    select (string_to_array(name, '/'))[:cardinality(string_to_array(name, '/')) - 1]
$$;

comment on function storage.foldername(text) is
'Folders of an object''s name: {a,b} of a/b/c.png, {} of a name without folder.';

create or replace function storage.filename(name text) returns text
language sql
immutable
as $$
    select substring(name from '[^/]*$')
$$;

comment on function storage.filename(text) is 'An object''s name without its folders.';

create or replace function storage.extension(name text) returns text
language sql
immutable
as $$
    select substring(name from '[^/.]*$')
$$;

comment on function storage.extension(text) is
'What follows the last dot of the file name; the whole file name if it has no dot.';

create or replace function storage.operation() returns text
language sql
stable
as $$
    select current_setting('storage.operation', true)
$$;

comment on function storage.operation() is
'The request being served, such as storage.object.upload; set by the Storage API for each of its transactions.';

-- Both helpers take the name with or without its prefix "storage.", and an empty name never matches.
create or replace function storage.allow_any_operation(expected_operations text[]) returns boolean
language sql
stable
as $$
    select coalesce(
        bool_or(regexp_replace(expected, '^storage\.', '') = regexp_replace(storage.operation(), '^storage\.', '')),
        false
    )
    from unnest(expected_operations) as expected
    where expected <> ''
$$;

comment on function storage.allow_any_operation(text[]) is
'Whether the request being served is one of these operations.';

create or replace function storage.allow_only_operation(expected_operation text) returns boolean
language sql
stable
as $$
    select storage.allow_any_operation(array[expected_operation])
$$;

comment on function storage.allow_only_operation(text) is
'Whether the request being served is this operation: storage.allow_only_operation(''object.list'').';

-- Buckets ---------------------------------------------------------------------------------------------------------

do $$
begin
    if to_regtype('storage.buckettype') is null then
        create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');
    end if;
end
$$;

create table if not exists storage.buckets (
    id text primary key,
    name text not null,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text,
    type storage.buckettype not null default 'STANDARD',
    versioning_status text not null default 'DISABLED'
);

create unique index if not exists bname on storage.buckets (name);

comment on column storage.buckets.owner is 'Field is deprecated, use owner_id instead';

create or replace function storage.enforce_bucket_name_length() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if length(new.name) > 100 then
        raise exception 'bucket name "%" is too long (% characters). Max is 100.', new.name, length(new.name);
    end if;
    return new;
end
$$;

create or replace trigger enforce_bucket_name_length_trigger
before insert or update of name on storage.buckets
for each row execute function storage.enforce_bucket_name_length();

-- Objects ---------------------------------------------------------------------------------------------------------

create table if not exists storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text constraint "objects_bucketId_fkey" references storage.buckets (id),
    name text,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb,
    archived_at timestamptz,
    is_delete_marker boolean not null default false,
    is_versioned boolean not null default false
);

create unique index if not exists bucketid_objname on storage.objects (bucket_id, name);
create index if not exists name_prefix_search on storage.objects (name text_pattern_ops);
create index if not exists idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");

comment on column storage.objects.owner is 'Field is deprecated, use owner_id instead';

create or replace function storage.update_updated_at_column() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.updated_at = now();
    return new;
end
$$;

create or replace trigger update_objects_updated_at
before update on storage.objects
for each row execute function storage.update_updated_at_column();

create or replace function storage.can_insert_object(
    bucketid text, name text, owner uuid, metadata jsonb
) returns void
language plpgsql
set search_path = ''
as $$
begin
    insert into storage.objects (bucket_id, name, owner, metadata)
    values (bucketid, name, owner, metadata);
    -- The question is answered; the row must not stay.
    raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end
$$;

create or replace function storage.get_size_by_bucket() returns table (size bigint, bucket_id text)
language sql
stable
as $$
    select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id
    from storage.objects as o
    group by o.bucket_id
$$;

-- Unfinished S3 uploads: here for the policies and grants a project may put on them. ------------------------------

create table if not exists storage.s3_multipart_uploads (
    id text primary key,
    in_progress_size bigint not null default 0,
    upload_signature text not null,
    bucket_id text not null references storage.buckets (id),
    key text collate "C" not null,
    version text not null,
    owner_id text,
    created_at timestamptz not null default now(),
    user_metadata jsonb,
    metadata jsonb
);

create index if not exists idx_multipart_uploads_list
on storage.s3_multipart_uploads (bucket_id, key, created_at);

create table if not exists storage.s3_multipart_uploads_parts (
    id uuid primary key default gen_random_uuid(),
    upload_id text not null references storage.s3_multipart_uploads (id) on delete cascade,
    size bigint not null default 0,
    part_number integer not null,
    bucket_id text not null references storage.buckets (id),
    key text collate "C" not null,
    etag text not null,
    owner_id text,
    version text not null,
    created_at timestamptz not null default now()
);

-- Empty here: this file takes the place of the service's own migrations.
create table if not exists storage.migrations (
    id integer primary key,
    name varchar(100) not null unique,
    hash varchar(40) not null,
    executed_at timestamp default current_timestamp
);

-- Deleting --------------------------------------------------------------------------------------------------------
-- A row deleted by SQL leaves its bytes behind, unreachable and still paid for. A statement trigger, so it fires for
-- the owner and superusers too, and even when no row matches.

create or replace function storage.protect_delete() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if current_setting('storage.allow_delete_query', true) is distinct from 'true' then
        raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
            using errcode = '42501',
                hint = 'This prevents accidental data loss from orphaned objects.';
    end if;
    return null;
end
$$;

create or replace trigger protect_buckets_delete
before delete on storage.buckets
for each statement execute function storage.protect_delete();

create or replace trigger protect_objects_delete
before delete on storage.objects
for each statement execute function storage.protect_delete();

-- Rights ----------------------------------------------------------------------------------------------------------

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
alter table storage.s3_multipart_uploads enable row level security;
alter table storage.s3_multipart_uploads_parts enable row level security;
alter table storage.migrations enable row level security;

grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts to service_role;
grant select on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts to anon, authenticated;

reset role;
