begin;
select plan(7);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(5) as bob \gset
select tests.configure('video_concurrent_limit', '7');

select tests.act_as(:'ann');
select is(
    public.get_credits(), '{"balance": 1000, "active_tasks": 0, "concurrent_limit": 7}'::jsonb, 'at first'
);
select tests.stop_acting();
select count(tests.create_video(:'ann', s.status)) as ignored
from unnest(
    array['pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled']
) as s (status) \gset

select tests.act_as(:'ann');
select is(
    public.get_credits(), '{"balance": 680, "active_tasks": 3, "concurrent_limit": 7}'::jsonb,
    'four were paid and not given back, three run'
);
select tests.act_as(:'bob');
select is(
    public.get_credits(), '{"balance": 5, "active_tasks": 0, "concurrent_limit": 7}'::jsonb, 'Bob has his own'
);
select tests.act_as(:'ann', '{"is_anonymous": true}');
select is(public.get_credits() ->> 'balance', '680', 'what else a token claims does not matter');

select tests.act_as_role('anon');
select throws_ok('select public.get_credits()', '42501', null, 'a visitor may not ask');
select tests.act_as_role('service_role');
select throws_ok('select public.get_credits()', '42501', null, 'service_role is nobody in particular');
select is(
    tests.error_of_worker('select public.get_credits()') ->> 'sqlstate', '42501', 'nor the worker'
);

select finish();
rollback;
