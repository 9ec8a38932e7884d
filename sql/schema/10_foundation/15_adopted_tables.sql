-- Tables that a live project had before us and that we share with it instead of making our own.
--
-- An adopted table keeps its columns, rows, grants and policies. We add the columns we need, and remove them again
-- when we go (sql/uninstall.sql). What fits, and what does not, sql/preflight.sql says before anything is touched.
create table private.adopted_tables (
    name text primary key,
    had_columns text[] not null,
    had_keys text[] not null default '{}',
    adopted_at timestamptz not null default now()
);

comment on table private.adopted_tables is 'Tables of schema public that were there before us, and their columns.';
comment on column private.adopted_tables.had_columns is 'Columns of the host application: never dropped by us.';
comment on column private.adopted_tables.had_keys is 'Keys of system_configs that the host application had.';
alter table private.adopted_tables enable row level security;
revoke all on table private.adopted_tables from public, anon, authenticated, service_role;

insert into private.adopted_tables (name, had_columns)
select
    c.relname,
    array_agg(a.attname::text order by a.attnum) as had_columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
where
    c.relnamespace = 'public'::regnamespace
    and c.relname in ('profiles', 'system_configs', 'showcase_items')
    and a.attnum > 0
    and not a.attisdropped
group by c.relname;

create function private.is_adopted(p_name text) returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
    select exists (select from private.adopted_tables as a where a.name = p_name)
$$;

comment on function private.is_adopted(text) is 'Whether a table of schema public belonged to the project before us.';
revoke all on function private.is_adopted(text) from public, anon, authenticated, service_role;
