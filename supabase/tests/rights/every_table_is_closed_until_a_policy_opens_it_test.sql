begin;
select plan(15);

create view pg_temp.ours as
select c.*
from pg_catalog.pg_class as c
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace);

select is_empty(
    $$select o.oid::regclass from pg_temp.ours as o where o.relkind in ('r', 'p') and not o.relrowsecurity$$,
    'row security is on for every table'
);
select is_empty(
    $$
    select o.oid::regclass
    from pg_temp.ours as o
    where o.relkind = 'v' and 'security_invoker=true' <> all(coalesce(o.reloptions, '{}'))
    $$,
    'every view asks with the rights of who reads it'
);
select is_empty(
    $$select o.oid::regclass from pg_temp.ours as o where o.relkind in ('m', 'f')$$,
    'there are no materialized views and no foreign tables'
);
select is_empty(
    $$
    select o.oid::regclass
    from pg_temp.ours as o
    where o.relkind = 'r'
        and not exists (
            select from pg_catalog.pg_constraint as k where k.conrelid = o.oid and k.contype = 'p'
        )
    $$,
    'every table has a primary key'
);

select is_empty(
    $$
    select o.oid::regclass, a.grantee::regrole, a.privilege_type
    from pg_temp.ours as o
    cross join lateral (
        select (aclexplode(o.relacl)).*
        union all
        select (aclexplode(c.attacl)).* from pg_catalog.pg_attribute as c where c.attrelid = o.oid
    ) as a
    where o.relnamespace <> 'public'::regnamespace and a.grantee <> o.relowner
    $$,
    'in private nothing is granted to anybody: that its schema is closed is a second lock, not the only one'
);

create view pg_temp.rules as
select p.*, coalesce(p.qual, '') || coalesce(p.with_check, '') as expression
from pg_catalog.pg_policies as p
where p.schemaname in ('public', 'private', 'worker_api', 'storage');

select results_eq(
    $$
    select (r.tablename || ' ' || r.cmd || ' ' || r.policyname) collate "C"
    from pg_temp.rules as r
    where r.schemaname <> 'storage'
    order by 1
    $$,
    $$
    values
    ('credit_accounts SELECT accounts_are_read_by_their_owner' collate "C"),
    ('credit_transactions SELECT entries_are_read_by_their_owner'),
    ('image_generation_history SELECT images_are_read_by_their_owner'),
    ('payments SELECT payments_are_read_by_their_owner'),
    ('profiles SELECT profiles_are_read_by_their_owner'),
    ('profiles UPDATE profiles_are_renamed_by_their_owner'),
    ('prompt_optimizations SELECT optimizations_are_read_by_their_user'),
    ('showcase_items ALL showcase_items_of_ours_are_closed_to_clients'),
    ('system_configs ALL configs_of_ours_are_closed_to_clients'),
    ('video_generation_history SELECT tasks_are_read_by_their_owner'),
    ('video_ratings SELECT ratings_are_read_by_their_owner')
    $$,
    'these policies exist, and no other'
);
select is_empty(
    $$select r.policyname from pg_temp.rules as r where r.permissive = 'PERMISSIVE' and r.roles <> '{authenticated}'$$,
    'each that opens something is for signed-in users, named; none for PUBLIC or visitors'
);
select is_empty(
    $$
    select r.policyname
    from pg_temp.rules as r
    where r.permissive = 'PERMISSIVE' and r.expression !~ 'SELECT \(?auth\.uid\(\)'
    $$,
    'each asks who is calling, once for a query and not once for a row (lint 0003)'
);
select is_empty(
    $$
    select r.policyname
    from pg_temp.rules as r
    where r.expression ~ 'user_metadata|auth\.role|auth\.jwt' or r.qual = 'true' or r.with_check = 'true'
    $$,
    'none is always true, or trusts what users write about themselves (lints 0015 and 0024)'
);
select is_empty(
    $$select r.policyname from pg_temp.rules as r where r.cmd in ('UPDATE', 'INSERT', 'ALL') and r.with_check is null$$,
    'each that lets write checks what is written'
);
select is_empty(
    $$
    select r.tablename, r.cmd
    from pg_temp.rules as r
    where r.schemaname <> 'storage'
    group by r.schemaname, r.tablename, r.cmd
    having count(*) > 1
    $$,
    'one policy for each table and operation (lint 0006)'
);
select is_empty(
    $$
    select t.tgrelid::regclass, t.tgname
    from pg_catalog.pg_trigger as t
    inner join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    where t.tgenabled not in ('O', 'A')
        and p.pronamespace = 'private'::regnamespace
    $$,
    'no trigger is switched off'
);
select set_eq(
    $$
    select (t.tgrelid::regclass || ' ' || t.tgname)::text
    from pg_catalog.pg_trigger as t
    inner join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal and p.pronamespace = 'private'::regnamespace
    $$,
    array[
        'system_configs record_change', 'credit_transactions ledger_is_append_only',
        'credit_transactions ledger_is_never_truncated', 'auth.users reelbase_welcome_user',
        'auth.users reelbase_forget_user', 'auth.users reelbase_forget_soft_deleted_user',
        'video_generation_history status_is_born_right', 'video_generation_history status_moves_are_allowed',
        'image_generation_history withdraw_from_showcase', 'video_generation_history withdraw_from_showcase',
        'video_generation_history status_is_pushed', 'video_generation_history end_is_announced',
        'private.alerts alert_is_announced'
    ],
    'and these are all'
);
select is_empty(
    $$
    select p.pubname, p.tablename
    from pg_catalog.pg_publication_tables as p
    where p.schemaname in ('public', 'private', 'worker_api')
    $$,
    'nothing is published by Realtime'
);
select is_empty(
    $$
    select k.conrelid::regclass, k.conname
    from pg_catalog.pg_constraint as k
    where k.connamespace in ('public'::regnamespace, 'private'::regnamespace) and not k.convalidated
    $$,
    'every constraint holds for the rows that were there before it'
);

select finish();
rollback;
