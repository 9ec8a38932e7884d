-- Every 10 seconds: a sign of life of pg_cron, and a poke if there is something to do.
begin;
select plan(14);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.video_jobs;
delete from private.file_jobs;
-- pg_cron really runs, and would stamp the same row.
lock table private.worker_heartbeats in share row exclusive mode;
delete from private.worker_heartbeats;
delete from net.http_request_queue;
select tests.create_rich_user(1000) as user_id \gset

select is(private.tick(), false, 'an idle tick pokes nobody');
select is_empty('select * from net.http_request_queue', 'nothing is sent');
select results_eq(
    'select worker_id, beat_at from private.worker_heartbeats',
    $$values ('pg_cron', timestamptz '2030-01-01 12:00:00+00')$$, 'but pg_cron is alive'
);
select tests.advance_time('10 seconds');
select private.tick();
select results_eq(
    'select worker_id, started_at, beat_at from private.worker_heartbeats',
    $$values ('pg_cron', timestamptz '2030-01-01 12:00:00+00', timestamptz '2030-01-01 12:00:10+00')$$,
    'each tick says so again'
);

select tests.order_video(:'user_id') as task \gset
delete from net.http_request_queue;
select is(private.tick(), true, 'a job that is due pokes the worker');
select is((select count(*) from net.http_request_queue), 1::bigint, 'once for each tick');

select tests.claim(:'task') as lease \gset
select is(private.tick(), false, 'a job that is held is not due');
select tests.advance_time('60 seconds');
select is(private.tick(), true, 'unless its lease has run out');

update private.video_jobs set lease_token = null, leased_by = null, due_at = private.now() + interval '1 millisecond';
select is(private.tick(), false, 'a job that is due later is not due now');
select tests.advance_time('1 millisecond');
select is(private.tick(), true, 'until then');

delete from private.video_jobs;
insert into private.file_jobs (kind, bucket, path) values ('delete', 'videos', 'a/b.mp4');
select is(private.tick(), true, 'a file to delete pokes, too');
select worker_api.claim_file_jobs('w', 1);
select is(private.tick(), false, 'unless it is held');

delete from vault.secrets where name = 'worker_url';
select tests.advance_time('60 seconds');
select is(private.tick(), false, 'without an address a tick pokes nobody');
select is(
    (select h.beat_at from private.worker_heartbeats as h where h.worker_id = 'pg_cron'), private.now(),
    'and pg_cron is alive all the same'
);

select finish();
rollback;
