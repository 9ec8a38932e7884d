begin;
select plan(10);

select is(
    (
        select jsonb_build_object(
            'login', r.rolcanlogin, 'superuser', r.rolsuper, 'inherit', r.rolinherit, 'createrole', r.rolcreaterole,
            'createdb', r.rolcreatedb, 'replication', r.rolreplication, 'bypassrls', r.rolbypassrls
        )
        from pg_catalog.pg_roles as r
        where r.rolname = 'video_worker'
    ),
    '{"login": true, "superuser": false, "inherit": false, "createrole": false, "createdb": false,
      "replication": false, "bypassrls": false}'::jsonb,
    'the role can log in, and has no attribute besides'
);
select is_empty(
    $$
    select m.roleid::regrole
    from pg_catalog.pg_auth_members as m
    where m.member = 'video_worker'::regrole
    $$,
    'it is a member of no role'
);
select is(
    (
        select array_agg(s.setting order by s.setting)
        from pg_catalog.pg_db_role_setting as d
        cross join lateral unnest(d.setconfig) as s (setting)
        where d.setrole = 'video_worker'::regrole
    ), array['idle_in_transaction_session_timeout=15s', 'statement_timeout=15s'],
    'a statement that hangs is ended'
);
select is(
    (
        select array_agg(p.proname::text order by p.proname)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'worker_api'::regnamespace
            and has_function_privilege('video_worker', p.oid, 'execute')
    ),
    array[
        'begin_submit', 'begin_transfer', 'check', 'claim_file_jobs', 'claim_jobs', 'claim_webhooks',
        'complete_file_job', 'complete_video', 'complete_webhook', 'contract_version', 'extend_lease',
        'fail_file_job', 'fail_video', 'fail_webhook', 'heartbeat', 'postpone_job', 'record_operation',
        'record_poll', 'release_leases', 'requeue_submit'
    ], 'these verbs are its own'
);
select is(
    (select count(*) from pg_catalog.pg_proc as p where p.pronamespace = 'worker_api'::regnamespace), 20::bigint,
    'and there is nothing else in their schema'
);
select is(
    tests.error_of_worker('select worker_api.contract_version()'), null, 'it can call them'
);
select is(
    tests.error_of_worker('select private.now()') ->> 'sqlstate', '42501', 'but not what they are made of'
);

-- Data of anybody: none of it, in no schema.
select is_empty(
    $$
    select c.oid::regclass
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private', 'worker_api', 'auth', 'storage', 'vault', 'cron', 'supabase_migrations')
        and c.relkind in ('r', 'v', 'm', 'f', 'p')
        and has_schema_privilege('video_worker', n.oid, 'usage')
        and has_any_column_privilege('video_worker', c.oid, 'select, insert, update, references')
    $$,
    'it reads and writes no table'
);

-- What the platform gives to PUBLIC, and so to this role too: shown, as it is not ours to take.
select is(
    (
        select array_agg(n.nspname::text order by n.nspname)
        from pg_catalog.pg_namespace as n
        where n.nspname !~ '^pg_|^information_schema$|^tests$'
            and has_schema_privilege('video_worker', n.oid, 'usage')
            and exists (
                select
                from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
                where a.grantee = 0 and a.privilege_type = 'USAGE'
            )
    ), array['net', 'platform_guard', 'public'],
    'by way of PUBLIC it may look into public and net (and the local platform''s guard)'
);
select is(
    tests.error_of_worker('create table public.mine (id integer)') ->> 'sqlstate', '42501', 'but make nothing there'
);
select finish();
rollback;
