-- The defaults of a Supabase project open whatever is made in schema public. Ours must not: an object whose author
-- forgot to revoke is closed.
begin;
select plan(7);

create table public.made_later (id bigint generated always as identity primary key, secret text);
create sequence public.numbered_later;
create view public.seen_later with (security_invoker = true) as select 1 as one;
create function public.called_later() returns integer language sql return 1;
create function private.called_later() returns integer language sql return 1;
create function worker_api.called_later() returns integer language sql return 1;
create table private.made_later (id integer);

create temporary table roles as
select r.name from unnest(array['anon', 'authenticated', 'service_role', 'video_worker', 'public']) as r (name);

select is_empty(
    $$
    select r.name, t.name, o.name
    from roles as r
    cross join unnest(array['public.made_later', 'public.seen_later', 'private.made_later']) as t (name)
    cross join unnest(
        array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']
    ) as o (name)
    where has_table_privilege(r.name, t.name, o.name)
    $$,
    'tables and views'
);
select is_empty(
    $$
    select r.name, o.name
    from roles as r
    cross join unnest(array['usage', 'select', 'update']) as o (name)
    where has_sequence_privilege(r.name, 'public.numbered_later', o.name)
        or has_sequence_privilege(r.name, 'public.made_later_id_seq', o.name)
    $$,
    'sequences'
);
select is_empty(
    $$
    select r.name, f.name
    from roles as r
    cross join unnest(
        array['public.called_later()', 'private.called_later()', 'worker_api.called_later()']
    ) as f (name)
    where has_function_privilege(r.name, f.name, 'execute')
    $$,
    'functions, in any schema: PUBLIC, which every role is, has lost what Postgres gives it'
);

-- The act, as well as the catalogue.
select tests.create_user() as user_id \gset
select tests.act_as(:'user_id');
select throws_ok('select public.called_later()', '42501', null, 'a user cannot call it');
select throws_ok('select * from public.made_later', '42501', null, 'nor read it');
select tests.act_as_role('service_role');
select throws_ok('select public.called_later()', '42501', null, 'service_role cannot call it');
select throws_ok('select nextval(''public.numbered_later'')', '42501', null, 'nor count');

select finish();
rollback;
