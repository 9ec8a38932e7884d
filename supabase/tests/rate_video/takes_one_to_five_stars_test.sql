begin;
select plan(14);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.create_video(:'ann', 'completed') as done \gset
select tests.create_video(:'ann', 'processing') as live \gset

select tests.act_as(:'ann');
select is(
    public.rate_video(:'done', 4), jsonb_build_object('task_id', :'done', 'stars', 4), 'answers task and stars'
);
select is(public.rate_video(:'done', 2) ->> 'stars', '2', 'they may be changed');
select results_eq(
    'select r.task_id, r.stars from public.video_ratings as r', format('values (%L::uuid, 2)', :'done'),
    'one rating, which its owner can read'
);
select is(
    (
        select jsonb_agg(i -> 'stars' order by i ->> 'status')
        from jsonb_array_elements(public.list_videos() -> 'items') as i
    ), '[2, null]', 'and sees in his list'
);
select tests.throws_code(format('select public.rate_video(%L, %L)', :'done', s.stars), 'invalid_parameter')
from (values (0), (6), (-1), (null)) as s (stars);
select is(
    tests.error_of(format('select public.rate_video(%L, 5)', :'live')) -> 'details',
    '{"status": "processing", "stage": null}'::jsonb, 'there is nothing to rate before it is completed'
);
select tests.throws_code(format('select public.rate_video(%L, 5)', gen_random_uuid()), 'task_not_found');

select tests.act_as(:'bob');
select tests.throws_code(format('select public.rate_video(%L, 5)', :'done'), 'task_not_found');
select is_empty('select r.task_id from public.video_ratings as r', 'nobody else sees it');
select tests.stop_acting();
select is((select r.stars from public.video_ratings as r), 2, 'or changes it');
select tests.act_as_role('anon');
select throws_ok(
    format('select public.rate_video(%L, 5)', :'done'), '42501', 'permission denied for function rate_video',
    'signed out nobody can call it'
);
select tests.stop_acting();

select finish();
rollback;
