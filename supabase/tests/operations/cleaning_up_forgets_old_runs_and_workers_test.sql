-- What piles up and nobody reads goes after a week.
begin;
select plan(3);

select tests.set_time('2030-01-10 12:00:00+00');
insert into private.worker_heartbeats (worker_id, version, status, beat_at) values
('gone', '1', '{}', '2030-01-03 11:59:59+00'),
('quiet', '1', '{}', '2030-01-03 12:00:00+00'),
('alive', '1', '{}', '2030-01-10 11:59:59+00');
insert into cron.job_run_details (runid, jobid, username, command, end_time) values
(-1, -1, 'postgres', 'old', '2030-01-03 11:59:59+00'),
(-2, -1, 'postgres', 'recent', '2030-01-03 12:00:00+00'),
(-3, -1, 'postgres', 'running', null);

select lives_ok('select private.clean_up()', 'it may clean up');
select set_eq(
    $$select worker_id from private.worker_heartbeats where worker_id in ('gone', 'quiet', 'alive')$$,
    '{alive,quiet}'::text[],
    'workers that were not heard of for a week are forgotten'
);
select set_eq(
    'select command from cron.job_run_details where jobid = -1', '{recent,running}'::text[],
    'so are runs of cron jobs that ended before that'
);

select finish();
rollback;
