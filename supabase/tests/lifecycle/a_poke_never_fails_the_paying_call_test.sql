-- Waking the worker is a courtesy: whatever is wrong with it, the order stands, and the worker finds the job by itself.
begin;
select plan(22);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
delete from vault.secrets where name in ('worker_url', 'worker_token');
delete from net.http_request_queue;

-- With both secrets --------------------------------------------------------------------------------------------------
select vault.create_secret('http://worker.test:8080/', 'worker_url');
select vault.create_secret('the-token', 'worker_token');
select tests.order_video(:'user_id') as task \gset
select is(
    (
        select row(q.method, q.url, q.timeout_milliseconds, convert_from(q.body, 'utf8'))::text
        from net.http_request_queue as q
    ),
    row('POST', 'http://worker.test:8080/tick', 2000, '{}')::text,
    'an order pokes the worker, with nothing to tell'
);
select is(
    (select q.headers from net.http_request_queue as q),
    '{"Content-Type": "application/json", "Authorization": "Bearer the-token"}'::jsonb, 'under its token'
);
select is(private.poke_worker(), true, 'a poke says that it was sent');

-- A refused order leaves nothing, not even a poke --------------------------------------------------------------------
delete from net.http_request_queue;
select tests.act_as(:'user_id');
select tests.throws_code($$select public.generate_video('')$$, 'invalid_parameter', 'an order is refused');
select tests.stop_acting();
select is_empty('select * from net.http_request_queue', 'and pokes nobody');

-- Without a secret ---------------------------------------------------------------------------------------------------
delete from vault.secrets where name = 'worker_token';
select is(private.poke_worker(), false, 'without a token there is no poke');
select lives_ok(format('select tests.order_video(%L)', :'user_id'), 'and no less an order');
select vault.create_secret('the-token', 'worker_token');
delete from vault.secrets where name = 'worker_url';
select is(private.poke_worker(), false, 'without an address neither');
select lives_ok(format('select tests.order_video(%L)', :'user_id'), 'and no less an order');
select is_empty('select * from net.http_request_queue', 'nothing was sent');

-- pg_net is broken ---------------------------------------------------------------------------------------------------
select vault.create_secret('http://worker.test:8080', 'worker_url');
create function pg_temp.break() returns trigger
language plpgsql
as $$
begin
    if current_setting('tests.is_broken', true) = 'yes' then
        raise exception 'the queue is broken';
    end if;
    return new;
end
$$;
create trigger broken before insert on net.http_request_queue for each row execute function pg_temp.break();
select set_config('tests.is_broken', 'yes', true);

select tests.balance_of(:'user_id') as balance \gset
select lives_ok(format('select tests.order_video(%L)', :'user_id'), 'a broken queue fails no order');
select is(tests.balance_of(:'user_id'), :balance - 80, 'which is paid');
select is(
    (
        select count(*)
        from private.video_jobs as j
        inner join public.video_generation_history as h on h.id = j.task_id
        where h.user_id = :'user_id' and j.stage = 'submit'
    ),
    4::bigint, 'and queued'
);
select is(private.poke_worker(), false, 'the poke says that it failed');
select lives_ok('select private.tick()', 'a broken queue fails no tick either');
select is(
    (select h.beat_at from private.worker_heartbeats as h where h.worker_id = 'pg_cron'), private.now(),
    'which still leaves its sign of life'
);
select set_config('tests.is_broken', 'no', true);

-- A transaction that pokes holds the door for the others; its own second poke goes through.
delete from net.http_request_queue;
select private.poke_worker();
select tests.order_video(:'user_id') as second_task \gset
select is((select count(*) from net.http_request_queue), 2::bigint, 'one transaction may poke twice');
select is(
    (
        select count(*)
        from pg_locks as l
        where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.mode = 'ExclusiveLock'
    ),
    1::bigint, 'it holds one lock, until it ends'
);

-- Addresses ----------------------------------------------------------------------------------------------------------
delete from net.http_request_queue;
select vault.update_secret((select id from vault.secrets where name = 'worker_url'), 'http://worker.test///');
select private.poke_worker();
select is(
    (select q.url from net.http_request_queue as q), 'http://worker.test/tick',
    'slashes at the end do not matter'
);

-- Nobody but the schema pokes.
select tests.act_as(:'user_id');
select throws_ok('select private.poke_worker()', 42501, null, 'a user cannot poke');
select tests.stop_acting();
select tests.act_as_role('anon');
select throws_ok('select private.poke_worker()', 42501, null, 'nor can anybody signed out');
select tests.stop_acting();
select tests.act_as_role('service_role');
select throws_ok('select private.poke_worker()', 42501, null, 'nor the service');
select tests.stop_acting();

select finish();
rollback;
