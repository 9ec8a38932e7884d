begin;
select plan(9);

create view pg_temp.functions as
select p.*
from pg_catalog.pg_proc as p
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace);

select is_empty(
    $$select f.oid::regprocedure from pg_temp.functions as f where obj_description(f.oid, 'pg_proc') is null$$,
    'every function has a comment'
);
select is_empty(
    $$
    select c.oid::regclass
    from pg_catalog.pg_class as c
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
        and c.relkind in ('r', 'v')
        and obj_description(c.oid, 'pg_class') is null
    $$,
    'every table and view has one'
);
select is_empty(
    $$
    select n.nspname
    from pg_catalog.pg_namespace as n
    where n.nspname in ('private', 'worker_api') and obj_description(n.oid, 'pg_namespace') is null
    $$,
    'so has every schema'
);
select is_empty(
    $$
    select f.oid::regprocedure
    from pg_temp.functions as f
    where f.pronamespace = 'public'::regnamespace
        and (f.proname ~ '^(admin_)?(get|list|quote|search)_') <> (f.provolatile = 's')
    $$,
    'a public function that only asks is stable, so that it may be called by GET; one that acts is volatile'
);
select is_empty(
    $$
    select w.oid::regprocedure
    from pg_temp.functions as w
    inner join pg_temp.functions as f on f.proname = w.proname and f.pronamespace = 'private'::regnamespace
    where w.pronamespace = 'public'::regnamespace and w.provolatile <> f.provolatile
    $$,
    'a wrapper is as volatile as what it wraps'
);
select is_empty(
    $$
    select f.oid::regprocedure, a.name
    from pg_temp.functions as f
    cross join lateral unnest(f.proargnames, f.proargmodes) as a (name, mode)
    where f.pronamespace = 'private'::regnamespace
        and coalesce(a.mode, 'i') = 'i'
        and a.name !~ '^p_'
    $$,
    'arguments in private are called p_something'
);
select is_empty(
    $$
    select f.oid::regprocedure, a.name
    from pg_temp.functions as f
    cross join lateral unnest(f.proargnames) as a (name)
    where f.pronamespace in ('public'::regnamespace, 'worker_api'::regnamespace) and a.name ~ '^(p|v|_)_'
    $$,
    'those of public and worker_api as the caller says them'
);
select is_empty(
    $$
    select f.proname
    from pg_temp.functions as f
    group by f.pronamespace, f.proname
    having count(*) > 1
    $$,
    'no function is overloaded: PostgREST could not tell which one was meant'
);
select is_empty(
    $$
    select k.conrelid::regclass, k.conname
    from pg_catalog.pg_constraint as k
    where k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
        and k.contype = 'c'
        and k.conname ~ '_check\d*$'
    $$,
    'every check has a name that reads as its rule'
);

select finish();
rollback;
