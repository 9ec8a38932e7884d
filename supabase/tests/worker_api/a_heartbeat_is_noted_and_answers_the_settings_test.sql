-- A worker beats every 10 seconds; the answer is what paces it.
begin;
select plan(7);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.video_jobs;

select is(
    worker_api.heartbeat('worker-1', '1.0.0', '{"running": 2}'),
    '{
        "result": "applied", "now": "2030-01-01T12:00:00+00:00",
        "settings": {
            "poll_interval_seconds": 10, "lease_seconds": 60, "batch_size": 50, "generation_deadline_seconds": 900,
            "download_attempts": 3, "download_retry_seconds": 30, "next_due_in_seconds": null
        }
    }'::jsonb,
    'a heartbeat answers the time and the settings'
);
select results_eq(
    $$select version, status, started_at, beat_at from private.worker_heartbeats where worker_id = 'worker-1'$$,
    $$values ('1.0.0', '{"running": 2}'::jsonb, timestamptz '2030-01-01 12:00:00+00',
        timestamptz '2030-01-01 12:00:00+00')$$,
    'it is noted'
);

select tests.advance_time('10 seconds');
select worker_api.heartbeat('worker-1', '1.0.1', null);

select results_eq(
    $$select version, status, started_at, beat_at from private.worker_heartbeats where worker_id = 'worker-1'$$,
    $$values ('1.0.1', '{}'::jsonb, timestamptz '2030-01-01 12:00:00+00', timestamptz '2030-01-01 12:00:10+00')$$,
    'a further one updates the row and keeps when the worker was first seen'
);

select tests.configure('video_poll_interval_seconds', '7');
select tests.configure('video_lease_seconds', '45');

select is(
    worker_api.heartbeat('worker-1', '1.0.1', '{}') -> 'settings' ->> 'poll_interval_seconds', '7',
    'a changed setting reaches the worker with its next heartbeat'
);
select is(
    worker_api.heartbeat('worker-1', '1.0.1', '{}') -> 'settings' ->> 'lease_seconds', '45',
    'the period of a lease, too'
);

select tests.order_video(tests.create_rich_user()) as task \gset

select is(
    worker_api.heartbeat('worker-1', '1.0.1', '{}') -> 'settings' -> 'next_due_in_seconds', '0.000'::jsonb,
    'a job that is due is due in 0 seconds'
);

update private.video_jobs set due_at = private.now() + interval '2500 milliseconds' where task_id = :'task';

select is(
    worker_api.heartbeat('worker-1', '1.0.1', '{}') -> 'settings' -> 'next_due_in_seconds', '2.500'::jsonb,
    'else it says in how many seconds the next one is'
);

select finish();
rollback;
