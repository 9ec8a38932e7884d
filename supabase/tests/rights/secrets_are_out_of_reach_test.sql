begin;
select plan(7);

select is_empty(
    $$
    select r.name, t.name
    from unnest(array['anon', 'authenticated', 'video_worker']) as r (name)
    cross join unnest(array['vault.secrets', 'vault.decrypted_secrets']) as t (name)
    where has_table_privilege(r.name, t.name, 'select') or has_any_column_privilege(r.name, t.name, 'select')
    $$,
    'neither a visitor, a user nor the worker reads Vault'
);
select is_empty(
    $$
    select r.name, t.name
    from unnest(array['anon', 'authenticated', 'service_role', 'video_worker']) as r (name)
    cross join unnest(array['auth.users', 'auth.sessions', 'auth.refresh_tokens', 'auth.identities']) as t (name)
    where has_any_column_privilege(r.name, t.name, 'select')
    $$,
    'nobody reads the tables of Auth'
);
select is_empty(
    $$select j.jobname from cron.job as j where j.command ~* 'bearer|sb_secret|eyJ|password|https?://'$$,
    'no cron job carries a secret or an address'
);
select is_empty(
    $$
    select p.oid::regprocedure
    from pg_catalog.pg_proc as p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
        and p.prosrc ~ 'sb_secret_[a-zA-Z0-9]|eyJ[a-zA-Z0-9_-]{10}|https?://'
    $$,
    'nor does a function'
);
select is(
    (
        select array_agg(p.oid::regprocedure::text order by p.proname desc)
        from pg_catalog.pg_proc as p
        where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
            and p.prosrc ~* '\m(vault|net)\.'
    ), array['private.poke_worker()', 'private.clean_up()', 'worker_api."check"()'],
    'two functions ask Vault: nobody calls poke_worker, and check tells the worker only whether secrets are there; '
    'clean_up forgets what pg_net was answered'
);
select is_empty(
    $$
    select t.tgname
    from pg_catalog.pg_trigger as t
    where t.tgnargs > 0 and not t.tgisinternal
        and t.tgrelid in (
            select c.oid
            from pg_catalog.pg_class as c
            where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
        )
    $$,
    'no trigger has arguments that could hold one'
);
select is_empty(
    $$
    select c.key
    from public.system_configs as c
    where c.key ~* 'secret|token|password|api_?key' or c.value::text ~ 'sb_secret_|eyJ'
    $$,
    'the configuration holds none'
);

select finish();
rollback;
