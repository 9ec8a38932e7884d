-- What a worker of contract version 1 may rely on: names, arguments and answers, executable by the worker alone.
begin;
select plan(4);

select is(worker_api.contract_version(), 1, 'the contract has version 1');

select results_eq(
    $$
        select p.proname::text collate "default" || '(' || pg_get_function_arguments(p.oid) || ') ' || pg_get_function_result(p.oid)
        from pg_proc as p
        where p.pronamespace = 'worker_api'::regnamespace
        order by p.proname
    $$,
    $$
        values
        ('begin_submit(task_id uuid, lease_token uuid) jsonb'),
        ('begin_transfer(task_id uuid, lease_token uuid) jsonb'),
        ('check() jsonb'),
        (
            'claim_file_jobs(worker_id text, slots integer, kinds text[] DEFAULT ''{delete,delete_google}''::text[]) '
            'SETOF jsonb'
        ),
        (
            'claim_jobs(worker_id text, submit_slots integer, poll_slots integer, transfer_slots integer, '
            'providers text[] DEFAULT NULL::text[]) SETOF jsonb'
        ),
        ('claim_webhooks(worker_id text, slots integer) SETOF jsonb'),
        ('complete_file_job(file_job_id bigint, lease_token uuid) jsonb'),
        ('complete_video(task_id uuid, lease_token uuid, video jsonb) jsonb'),
        ('complete_webhook(delivery_id uuid, lease_token uuid) jsonb'),
        ('contract_version() integer'),
        ('extend_lease(task_id uuid, lease_token uuid) jsonb'),
        ('fail_file_job(file_job_id bigint, lease_token uuid, detail jsonb) jsonb'),
        ('fail_video(task_id uuid, lease_token uuid, error_code text, detail jsonb) jsonb'),
        ('fail_webhook(delivery_id uuid, lease_token uuid, detail jsonb) jsonb'),
        ('heartbeat(worker_id text, version text, status jsonb) jsonb'),
        ('postpone_job(task_id uuid, lease_token uuid, seconds numeric) jsonb'),
        ('record_operation(task_id uuid, submit_attempt integer, operation_id text) jsonb'),
        ('record_poll(task_id uuid, lease_token uuid, outcome text, detail jsonb) jsonb'),
        ('release_leases(worker_id text) jsonb'),
        ('requeue_submit(task_id uuid, submit_attempt integer, outcome text, detail jsonb, '
            'retry_after_seconds numeric) jsonb')
    $$,
    'these verbs exist, with these arguments and answers'
);

select is_empty(
    $$
        select p.oid::regprocedure, r.rolname
        from pg_proc as p
        cross join pg_roles as r
        where p.pronamespace = 'worker_api'::regnamespace
            and r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'video_worker')
            and has_function_privilege(r.oid, p.oid, 'execute') <> (r.rolname = 'video_worker')
    $$,
    'the worker may execute each of them, and no client may'
);

select is_empty(
    $$
        select c.oid::regclass, p.privilege
        from pg_class as c
        cross join unnest('{select,insert,update,delete}'::text[]) as p (privilege)
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
            and c.relkind in ('r', 'v')
            and has_table_privilege('video_worker', c.oid, p.privilege)
    $$,
    'the worker may touch no table or view of ours'
);

select finish();
rollback;
