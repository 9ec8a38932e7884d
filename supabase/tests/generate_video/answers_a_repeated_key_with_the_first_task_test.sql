begin;
select plan(17);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(200) as user_id \gset
select tests.create_rich_user(200) as other_user \gset
insert into storage.objects (bucket_id, name) values ('reference-images', :'user_id' || '/fox.png');

select tests.act_as(:'user_id');
select public.generate_video(
    'a fox', 8, '720p', '16:9', 'snow', :'user_id' || '/fox.png', idempotency_key => 'key-1'
) as first \gset
select tests.stop_acting();
select tests.count_rows() as before \gset

select tests.advance_time('1 minute');
select tests.act_as(:'user_id');
select is(
    public.generate_video(
        'a fox', negative_prompt => 'snow', reference_image_path => :'user_id' || '/fox.png', idempotency_key => 'key-1'
    ), :'first'::jsonb, 'a repeat, here with the defaults left out, is answered like the first call'
);
select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'and writes nothing, not even a request to the worker');

-- Later: today's status and balance, the time and price of then.
select :'first'::jsonb ->> 'task_id' as task_id \gset
select tests.bring_to(:'task_id', 'poll') is not null as ignored \gset
select public.admin_grant_credits(:'user_id', 7, 'test') is not null as ignored \gset
select tests.configure('video_credit_per_second', '99');
create function pg_temp.repeat_first(p_user_id text) returns jsonb
language sql
as $$
    select public.generate_video(
        'a fox', negative_prompt => 'snow', reference_image_path => p_user_id || '/fox.png', idempotency_key => 'key-1'
    )
$$;
grant execute on function pg_temp.repeat_first(text) to authenticated;
select tests.act_as(:'user_id');
select is(
    pg_temp.repeat_first(:'user_id'), :'first'::jsonb || '{"status": "processing", "balance": 127}',
    'later it tells the status and balance of today, and the price of then'
);

-- A repeat is answered whatever would refuse a new order.
select tests.stop_acting();
select tests.configure('video_generation_enabled', 'false');
select tests.configure('video_rollout_percent', '0');
select tests.configure('video_concurrent_limit', '1');
select tests.configure('video_daily_spend_cap_usd', '0');
update public.video_models set is_enabled = false;
select set_config('storage.allow_delete_query', 'true', true) as ignored \gset
delete from storage.objects where name = :'user_id' || '/fox.png';
select tests.act_as(:'user_id');
select is(
    pg_temp.repeat_first(:'user_id') ->> 'task_id', :'task_id',
    'switched off, out of the rollout, no model, no slot, no budget, image gone: a repeat is still answered'
);
select tests.throws_code(
    $$select public.generate_video('a fox', idempotency_key => 'key-2')$$, 'generation_disabled',
    'where a new order is refused'
);
select tests.stop_acting();
select tests.configure('video_generation_enabled', 'true');
select tests.configure('video_rollout_percent', '100');
select tests.configure('video_concurrent_limit', '10');
select tests.configure('video_daily_spend_cap_usd', 'null');
select tests.configure('video_credit_per_second', '10');
update public.video_models set is_enabled = true where id = 'veo-3.1';

-- A key that was refused is unused.
select tests.act_as(:'user_id');
select tests.throws_code(
    $$select public.generate_video('a fox', resolution => '1080p', duration => 8, idempotency_key => 'key-3');
      select public.generate_video('a fox', resolution => '1080p', duration => 8, idempotency_key => 'key-4')$$,
    'insufficient_credits', 'a refused call'
);
select is(
    (public.generate_video('another fox', 4, idempotency_key => 'key-4') ->> 'credit_cost')::integer, 40,
    'leaves its key unused, also for other parameters'
);

-- A key belongs to one account.
select tests.act_as(:'other_user');
select isnt(
    public.generate_video('something else', idempotency_key => 'key-1') ->> 'task_id', :'task_id',
    'somebody else may use the same key'
);
select tests.stop_acting();
select tests.violates(
    format(
        $$update public.video_generation_history set idempotency_key = 'key-1' where account_id = (
            select h.account_id from public.video_generation_history as h where h.id = %L
        )$$, :'task_id'
    ), 'idempotency_key_is_used_once', 'an account uses a key once'
);
select tests.violates(
    format($$update public.video_generation_history set idempotency_key = '' where id = %L$$, :'task_id'),
    'idempotency_key_is_short'
);

-- Without a key each call is an order.
select tests.configure('video_credit_per_second', '0.5');
select tests.act_as(:'user_id');
select isnt(
    public.generate_video('a fox', 4) ->> 'task_id', public.generate_video('a fox', 4) ->> 'task_id',
    'without a key the same words twice are two orders'
);
select tests.stop_acting();

-- The end of the first task does not free its key.
select tests.create_rich_user(200) as patient_user \gset
select tests.act_as(:'patient_user');
select public.generate_video('a fox', 4, idempotency_key => 'key-1') ->> 'task_id' as ended \gset
select public.cancel_video(:'ended') is not null as ignored \gset
select is(
    public.generate_video('a fox', 4, idempotency_key => 'key-1') - 'created_at',
    jsonb_build_object(
        'task_id', :'ended', 'status', 'cancelled', 'credit_cost', 2, 'balance', 200, 'estimated_seconds', 60
    ), 'a cancelled task is answered as cancelled, with its credits back, and is not ordered again'
);
select tests.throws_code(
    $$select public.generate_video('another', 4, idempotency_key => 'key-1')$$, 'idempotency_conflict',
    'nor replaced by another'
);
select tests.stop_acting();

-- What is deleted has nothing left to compare.
update public.video_generation_history
set deleted_at = private.now(), prompt = null, request = '{}'
where id = :'ended';
select tests.act_as(:'patient_user');
select is(
    public.generate_video('a fox', 4, idempotency_key => 'key-1') ->> 'task_id', :'ended',
    'the key of a deleted task stays used'
);
select is(
    public.generate_video('another', 4, idempotency_key => 'key-1') ->> 'task_id', :'ended',
    'for any parameters'
);
select tests.stop_acting();
set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');
select is(tests.balance_of(:'patient_user'), 200, 'and nobody paid twice');

select finish();
rollback;
