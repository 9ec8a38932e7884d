begin;
select plan(11);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '10');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(1000) as user_id \gset
select tests.create_rich_user(1000) as stranger \gset
select tests.create_video(:'stranger', 'completed') as ignored \gset

create temporary table who as select :'user_id'::uuid as id;

select tests.act_as(:'admin_id');
select is(
    public.admin_get_user_video_stats(:'user_id') - array['user', 'credits'],
    '{"videos": {"total": 0, "in_progress": 0, "pending": 0, "processing": 0, "downloading": 0, "completed": 0,
                 "failed": 0, "cancelled": 0, "deleted": 0, "success_rate": null, "seconds_made": 0, "first_at": null,
                 "last_at": null},
      "failure_reasons": [], "spend_usd": 0, "last_tasks": []}'::jsonb,
    'a user who made nothing has no rate'
);
select tests.stop_acting();

do $$
begin
    perform tests.create_video((select id from who), s.status)
    from unnest(
        array['completed', 'completed', 'completed', 'failed', 'cancelled', 'pending', 'processing', 'downloading']
    ) as s (status);
end
$$;
select tests.order_video(:'user_id') as late \gset
select tests.bring_to(:'late', 'poll') as lease \gset
update private.video_jobs set deadline_at = private.now() - interval '1 second', due_at = private.now()
where task_id = :'late';
select is(private.sweep(), 1, 'one took too long');

select tests.act_as(:'admin_id');
select is(
    public.admin_get_user_video_stats(:'user_id') -> 'videos',
    jsonb_build_object(
        'total', 9, 'in_progress', 3, 'pending', 1, 'processing', 1, 'downloading', 1, 'completed', 3, 'failed', 2,
        'cancelled', 1, 'deleted', 0, 'success_rate', 0.6000, 'seconds_made', 24,
        'first_at', timestamptz '2031-03-05 10:00:00+00', 'last_at', timestamptz '2031-03-05 10:00:00+00'
    ),
    'each status is counted; the rate is of those that came to an end'
);
select is(
    public.admin_get_user_video_stats(:'user_id') -> 'failure_reasons',
    '[{"error_code": "safety_filter", "count": 1}, {"error_code": "timeout", "count": 1}]'::jsonb,
    'why they failed'
);
select is(
    public.admin_get_user_video_stats(:'user_id') -> 'credits',
    '{"charged": 720, "refunded": 240, "goodwill": 0, "consumed": 480,
      "by_type": {"admin_grant": 1000, "video_generation": -720, "video_refund": 240}}'::jsonb,
    'credits that were charged and came back'
);
select is(
    public.admin_get_user_video_stats(:'user_id') #>> '{user,balance}', '520', 'beside what he has'
);
select is(
    public.admin_get_user_video_stats(:'user_id') -> 'spend_usd', '36'::jsonb,
    'what the provider got for him: six calls that it may have charged'
);
select is(
    jsonb_array_length(public.admin_get_user_video_stats(:'user_id') -> 'last_tasks'), 9, 'and what he made last'
);
select is(
    (
        select count(*)
        from jsonb_array_elements(public.admin_get_user_video_stats(:'user_id') -> 'last_tasks') as t (v)
        where t.v ->> 'error_code' = 'timeout' and t.v ->> 'task_id' = :'late'
    ), 1::bigint, 'with the reason of each failure'
);
select tests.throws_code(
    format('select public.admin_get_user_video_stats(%L)', gen_random_uuid()), 'user_not_found', 'somebody there is not'
);
select tests.throws_code('select public.admin_get_user_video_stats(null)', 'user_not_found', 'nobody');

select tests.stop_acting();
select finish();
rollback;
