-- Whoever deletes what a call left is told which provider made it, and under which name it knows it.
begin;
select plan(5);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.file_jobs;
select tests.create_rich_user(10000) as user_id \gset

create function pg_temp.claimed() returns jsonb
language sql
as $$
    select c - '{file_job_id,lease_token,bucket,kind}'::text[] from worker_api.claim_file_jobs('w', 1) as c
$$;

select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'completed');
select is(
    pg_temp.claimed(),
    jsonb_build_object('path', :'task' || '/1/', 'provider', 'vertex', 'operation_id', 'operations/' || :'task'),
    'the provider of the call, and its operation'
);

-- The model moves to another provider: what was made stays where it was made.
select tests.order_video(:'user_id') as moved \gset
select tests.bring_to(:'moved', 'transfer') as lease \gset
update public.video_models as m set provider = 'gemini' where m.id = (tests.task(:'moved')).model;
select tests.store_file(:'moved');
select tests.must_apply(worker_api.complete_video(:'moved', :'lease', tests.stored_video()));
select is(pg_temp.claimed() ->> 'provider', 'vertex', 'not the one that the model has today');

-- A call whose answer was lost, and its answer after all.
delete from private.file_jobs;
select tests.order_video(:'user_id') as late \gset
select tests.bring_to(:'late', 'reconcile') as lease \gset
select tests.advance_time('11 minutes');
select tests.must_apply(worker_api.record_poll(:'late', :'lease', 'missing', '{}'));
select worker_api.record_operation(:'late', 1, 'operations/late');
select tests.advance_time('16 minutes');
select is(
    (select array_agg(pg_temp.claimed()) from generate_series(1, 2)),
    array_fill(
        jsonb_build_object('path', :'late' || '/1/', 'provider', 'gemini', 'operation_id', 'operations/late'), '{2}'
    ),
    'an operation that was handed in late is known to the job from before, too'
);

select tests.order_video(:'user_id') as unknown \gset
select tests.bring_to(:'unknown', 'reconcile') as lease \gset
select tests.advance_time('11 minutes');
select tests.must_apply(worker_api.record_poll(:'unknown', :'lease', 'missing', '{}'));
select tests.advance_time('16 minutes');
delete from private.file_jobs where path not like :'unknown' || '%';
select is(
    pg_temp.claimed(),
    jsonb_build_object('path', :'unknown' || '/1/', 'provider', 'gemini', 'operation_id', null),
    'of a call without an answer there is no name'
);
select tests.violates(
    format(
        $$update private.provider_calls set output_prefix = %L where task_id = %L$$,
        :'task' || '/1/', :'unknown'
    ),
    'provider_calls_by_output_prefix', 'no two calls leave their clips in one place'
);

select finish();
rollback;
