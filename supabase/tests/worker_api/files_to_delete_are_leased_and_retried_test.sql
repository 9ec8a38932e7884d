-- Files are deleted by the worker through the Storage API; a failure comes back later, and is an alert if it persists.
begin;
select plan(24);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.file_jobs;
delete from private.alerts;
insert into private.file_jobs (kind, bucket, path, due_at) values
('delete', 'videos', 'u/1.mp4', private.now() - interval '1 minute'),
('delete_google', null, 'task/1/', private.now() - interval '2 minutes'),
('delete', 'videos', 'u/2.mp4', private.now() + interval '1 minute');

select is((select count(*) from worker_api.claim_file_jobs('w', 0)), 0::bigint, 'no slots, no jobs');
select is((select count(*) from worker_api.claim_file_jobs('w', null)), 0::bigint, 'nor with none given');
select is((select count(*) from worker_api.claim_file_jobs('w', -1)), 0::bigint, 'nor with less');
select worker_api.claim_file_jobs('worker-1', 1) as google \gset
select is(
    :'google'::jsonb - '{file_job_id,lease_token}'::text[],
    '{"kind": "delete_google", "bucket": null, "path": "task/1/", "provider": null, "operation_id": null}'::jsonb,
    'the one due first comes first'
);
select worker_api.claim_file_jobs('worker-1', 50) as stored \gset
select is(
    :'stored'::jsonb - '{file_job_id,lease_token}'::text[],
    '{"kind": "delete", "bucket": "videos", "path": "u/1.mp4", "provider": null, "operation_id": null}'::jsonb,
    'then the next'
);
select is_empty(
    $$select worker_api.claim_file_jobs('worker-2', 50)$$,
    'leased ones and those not due are not handed out'
);
select results_eq(
    $$select leased_by, due_at from private.file_jobs where path = 'u/1.mp4'$$,
    $$values ('worker-1', timestamptz '2030-01-01 12:01:00+00')$$, 'the lease runs for its period'
);

-- Done ---------------------------------------------------------------------------------------------------------------
select :'google'::jsonb ->> 'file_job_id' as id, :'google'::jsonb ->> 'lease_token' as lease \gset
select is(
    worker_api.complete_file_job(:'id', gen_random_uuid()), '{"result": "lease_lost"}'::jsonb,
    'another lease completes nothing'
);
select is(worker_api.complete_file_job(:'id', null), '{"result": "lease_lost"}'::jsonb, 'nor does none');
select is(worker_api.complete_file_job(:'id', :'lease'), '{"result": "applied"}'::jsonb, 'the file is gone');
select is((select count(*) from private.file_jobs as f where f.id = :'id'), 0::bigint, 'and so is its job');
select is(
    worker_api.complete_file_job(:'id', :'lease'), '{"result": "already_applied"}'::jsonb,
    'repeating it is fine'
);
select is(
    worker_api.fail_file_job(:'id', :'lease', '{}'), '{"result": "lease_lost"}'::jsonb,
    'it cannot fail any more'
);

-- Failed -------------------------------------------------------------------------------------------------------------
select :'stored'::jsonb ->> 'file_job_id' as id, :'stored'::jsonb ->> 'lease_token' as lease \gset
select is(
    worker_api.fail_file_job(:'id', :'lease', '{"error": "503"}'),
    jsonb_build_object('result', 'applied', 'retry_at', '2030-01-01T12:00:30+00:00'::timestamptz),
    'a failure comes back in 30 seconds'
);
select results_eq(
    format('select attempts, last_error::jsonb, lease_token, leased_by from private.file_jobs where id = %s', :'id'),
    $$values (1, '{"error": "503"}'::jsonb, null::uuid, null::text)$$, 'with what happened'
);
select is(
    worker_api.fail_file_job(:'id', :'lease', '{}'), '{"result": "lease_lost"}'::jsonb, 'its lease is over'
);

create function pg_temp.fail_once_more(p_id bigint) returns numeric
language plpgsql
as $$
declare
    v_claim jsonb;
begin
    update private.file_jobs set due_at = '-infinity' where id = p_id;
    v_claim := worker_api.claim_file_jobs('w', 1);
    return extract(epoch from (
        worker_api.fail_file_job(p_id, (v_claim ->> 'lease_token')::uuid, '{}') ->> 'retry_at'
    )::timestamptz - private.now());
end
$$;

select is(
    (select array_agg(pg_temp.fail_once_more(:'id')) from generate_series(2, 8)),
    '{60,120,240,480,960,1920,3600}', 'the pause doubles up to an hour'
);
select is_empty('select * from private.alerts', 'until then nobody is disturbed');
select is(pg_temp.fail_once_more(:'id'), 3600::numeric, 'it stays an hour');
select is_empty('select * from private.alerts', 'after nine failures still not');
select pg_temp.fail_once_more(:'id');
select results_eq(
    $$select kind, severity, subject, details ->> 'path' from private.alerts$$,
    format($$values ('file_job_stuck', 'warning', %L, 'u/1.mp4')$$, :'id'), 'the tenth is an alert'
);

-- A worker that vanished ---------------------------------------------------------------------------------------------
update private.file_jobs set due_at = '-infinity' where id = :'id';
select worker_api.claim_file_jobs('w', 1) ->> 'lease_token' as lease \gset
select tests.advance_time('30 seconds');
select is_empty(
    format($$select c from worker_api.claim_file_jobs('w2', 50) as c where c ->> 'file_job_id' = %L$$, :'id'),
    'a lease hides the job'
);
select tests.advance_time('30 seconds');
select is(
    (select count(*) from worker_api.claim_file_jobs('w2', 50) as c where c ->> 'file_job_id' = :'id'), 1::bigint,
    'until it has run out'
);
select is(
    worker_api.complete_file_job(:'id', :'lease'), '{"result": "lease_lost"}'::jsonb, 'then the old lease is lost'
);

select finish();
rollback;
