begin;
select plan(12);
set local client_min_messages = error;

select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');
delete from vault.secrets where name in ('worker_url', 'worker_token');
select vault.create_secret('https://worker.example/', 'worker_url') is not null as ignored \gset
select vault.create_secret('s3cret', 'worker_token') is not null as ignored \gset
delete from net.http_request_queue;

create function pg_temp.order(p_user_id text) returns text
language plpgsql
as $$
declare
    v_requests integer;
begin
    delete from net.http_request_queue;
    perform tests.act_as(p_user_id::uuid);
    perform public.generate_video('a fox', 4);
    perform tests.stop_acting();
    select count(*) into v_requests from net.http_request_queue;
    return 'taken, ' || v_requests || ' requests';
end
$$;

select is(pg_temp.order(:'user_id'), 'taken, 1 requests', 'an order asks pg_net for one request');
select is(
    (
        select jsonb_build_array(q.method, q.url, q.headers, convert_from(q.body, 'utf8'), q.timeout_milliseconds)
        from net.http_request_queue as q
    ),
    '["POST", "https://worker.example/tick",
      {"Authorization": "Bearer s3cret", "Content-Type": "application/json"}, "{}", 2000]'::jsonb,
    'to the worker''s /tick, with its token and no data'
);
select is(private.poke_worker(), true, 'the function says that it asked');

-- Nothing that is wrong with the poke is wrong with the order. The damage is undone each time.
create function pg_temp.order_after(p_user_id text, p_damage text) returns text
language plpgsql
as $$
declare
    v_outcome text;
begin
    execute p_damage;
    v_outcome := pg_temp.order(p_user_id) || '; poked: ' || private.poke_worker();
    raise exception using errcode = 'TEST0';
exception
    when sqlstate 'TEST0' then
        return v_outcome;
end
$$;

select is(
    pg_temp.order_after(:'user_id', $$delete from vault.secrets where name = 'worker_url'$$),
    'taken, 0 requests; poked: false', 'without a URL'
);
select is(
    pg_temp.order_after(:'user_id', $$delete from vault.secrets where name = 'worker_token'$$),
    'taken, 0 requests; poked: false', 'without a token'
);
select is(
    pg_temp.order_after(:'user_id', 'delete from vault.secrets'), 'taken, 0 requests; poked: false', 'without either'
);
select matches(
    pg_temp.order_after(
        :'user_id', $$select vault.update_secret(id, E'no url\n') from vault.secrets where name = 'worker_url'$$
    ), '^taken', 'with nonsense for a URL'
);

-- The queue of pg_net belongs to the platform, so it is broken by a trigger, which postgres may add.
create function pg_temp.break() returns trigger
language plpgsql
as $$
begin
    raise exception 'pg_net is broken';
end
$$;
grant execute on function pg_temp.break() to public;
select is(
    pg_temp.order_after(
        :'user_id',
        'create trigger broken before insert on net.http_request_queue for each row execute function pg_temp.break()'
    ), 'taken, 0 requests; poked: false', 'with a pg_net that fails'
);
select is(pg_temp.order(:'user_id'), 'taken, 1 requests', 'and when all is well again, it asks again');

select tests.act_as(:'user_id');
select throws_ok('select private.poke_worker()', '42501', null, 'a user cannot poke by himself');
select throws_ok('select * from vault.decrypted_secrets', '42501', null, 'nor read the token');
select tests.act_as_role('service_role');
select throws_ok('select private.poke_worker()', '42501', null, 'nor can service_role poke');

select finish();
rollback;
