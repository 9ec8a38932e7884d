begin;
select plan(13);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(1000) as user_id \gset

-- Reasons by task.
create function pg_temp.stuck() returns jsonb
language sql
as $$
    select coalesce(jsonb_object_agg(i.v ->> 'task_id', i.v -> 'reasons'), '{}')
    from jsonb_array_elements(public.admin_list_stuck_tasks() -> 'items') as i (v)
$$;
grant execute on function pg_temp.stuck() to public;

select tests.order_video(:'user_id') as waiting \gset
select tests.order_video(:'user_id') as lost \gset
select tests.bring_to(:'lost', 'reconcile') as lease \gset
select tests.create_video(:'user_id', 'processing') as polled \gset
select tests.create_video(:'user_id', 'completed') as done \gset
-- Last, as a refusal brakes everybody.
select tests.order_video(:'user_id') as refused \gset
select tests.bring_to(:'refused', 'submitting') as lease \gset
select tests.must_apply(worker_api.requeue_submit(:'refused', 1, 'refused', '{"status": 429}', 600)) as ignored \gset

select tests.act_as(:'admin_id');
select is(
    pg_temp.stuck(), jsonb_build_object(:'refused', '["refused"]'::jsonb, :'lost', '["lost"]'::jsonb),
    'a refused task and one whose reply got lost; those that move are not listed'
);
select is(
    (
        select i.v - array['due_at', 'deadline_at', 'leased_by', 'last_refusal']
        from jsonb_array_elements(public.admin_list_stuck_tasks() -> 'items') as i (v)
        where i.v ->> 'task_id' = :'refused'
    ),
    jsonb_build_object(
        'task_id', :'refused', 'user_id', :'user_id', 'status', 'pending', 'stage', 'submit',
        'reasons', '["refused"]'::jsonb, 'model', 'veo-3.1', 'created_at', timestamptz '2031-03-05 10:00:00+00',
        'age_seconds', 0, 'submit_attempt', 1, 'refusals', 1, 'download_attempt', 0
    ),
    'with what there is to know'
);

select tests.stop_acting();
select tests.advance_time('30 seconds');
select tests.act_as(:'admin_id');
select is(pg_temp.stuck() -> :'waiting', null, 'a job that was due three ticks ago may be taken yet');
select tests.stop_acting();
select tests.advance_time('1 second');
select tests.act_as(:'admin_id');
select is(pg_temp.stuck() -> :'waiting', '["not_picked_up"]'::jsonb, 'one due longer is stuck: no worker is there');
select is(pg_temp.stuck() -> :'polled', null, 'one that a worker holds is not');

select tests.stop_acting();
select tests.advance_time('3 minutes');
select tests.act_as(:'admin_id');
select is(
    pg_temp.stuck() -> :'waiting', '["not_picked_up", "overdue"]'::jsonb, 'longer than its kind of video takes'
);
select is(
    pg_temp.stuck() -> :'polled', '["not_picked_up", "overdue"]'::jsonb, 'also what a worker took and left'
);
select tests.stop_acting();
select tests.advance_time('1 day');
select tests.act_as(:'admin_id');
select is(
    pg_temp.stuck() -> :'waiting', '["not_picked_up", "overdue", "past_deadline"]'::jsonb,
    'and what the sweep should have settled'
);
select tests.stop_acting();
select private.sweep() as settled \gset
select tests.act_as(:'admin_id');
select is(pg_temp.stuck(), '{}'::jsonb, 'after which nothing is left');

-- Pages, oldest first.
select tests.stop_acting();
select tests.order_video(:'user_id') as first \gset
select tests.advance_time('1 second');
select tests.order_video(:'user_id') as second \gset
select tests.advance_time('1 minute');
select tests.act_as(:'admin_id');
select public.admin_list_stuck_tasks(page_size => 1) as page \gset
select is(:'page'::jsonb #>> '{items,0,task_id}', :'first', 'the oldest first');
select is(
    public.admin_list_stuck_tasks(:'page'::jsonb ->> 'next_cursor', 1) #>> '{items,0,task_id}', :'second',
    'then the next'
);
select is(
    public.admin_list_stuck_tasks(:'page'::jsonb ->> 'next_cursor', 1) -> 'next_cursor', 'null'::jsonb, 'and no more'
);
select tests.throws_code($$select public.admin_list_stuck_tasks('x')$$, 'invalid_parameter', 'a bad cursor');

select tests.stop_acting();
select finish();
rollback;
