begin;
select plan(10);

-- 1,200 ids that are the same in every run, and for each the percentages, in steps, that let it in.
create temporary table people as
select
    n.id,
    array(
        select s.percent
        from unnest(array[0, 1, 2, 5, 10, 25, 49, 50, 51, 75, 90, 99, 100]) as s (percent)
        where private.is_in_rollout(n.id, s.percent, 'reelbase')
    ) as percents
from (select md5(s::text)::uuid as id from generate_series(1, 1200) as s) as n;

select is_empty(
    $$
    select p.id, p.percents
    from people as p
    where p.percents <> array(
        select s.percent
        from unnest(array[0, 1, 2, 5, 10, 25, 49, 50, 51, 75, 90, 99, 100]) as s (percent)
        where s.percent >= p.percents[1]
    )
    $$,
    'whom a percentage lets in, every higher one lets in'
);
select is((select count(*) from people as p where 0 = any(p.percents)), 0::bigint, '0 % is nobody');
select is((select count(*) from people as p where 100 = any(p.percents)), 1200::bigint, '100 % is everybody');
select ok(
    (select count(*) from people as p where 25 = any(p.percents)) between 250 and 350, '25 % is about a quarter'
);
select is_empty(
    $$
    select p.id
    from people as p
    cross join lateral (
        select (
            ('x' || left(encode(sha256(convert_to('reelbase' || p.id, 'utf8')), 'hex'), 8))::bit(32)::bigint % 100
        )::integer as place
    ) as e
    where private.is_in_rollout(p.id, e.place, 'reelbase')
        or not private.is_in_rollout(p.id, e.place + 1, 'reelbase')
    $$, 'a user''s place is the first four bytes of sha256(salt, user id), modulo 100'
);
select ok(
    (
        select count(*)
        from people as p
        where private.is_in_rollout(p.id, 50, 'reelbase') <> private.is_in_rollout(p.id, 50, 'other salt')
    ) > 480, 'another salt draws other users'
);

select tests.create_rich_user(1000) as user_id \gset
select count(*) as bucket
from generate_series(1, 100) as p
where not private.is_in_rollout(:'user_id', p::integer, 'reelbase') \gset

select tests.configure('video_rollout_percent', :'bucket');
select tests.act_as(:'user_id');
select is(
    tests.error_of($$select public.generate_video('a fox')$$) - 'message',
    '{"code": "not_in_rollout", "hint": null, "status": 403, "headers": {}, "details": {}}'::jsonb,
    'a user beyond the percentage is refused'
);
select is(public.get_video_availability() -> 'in_rollout', 'false', 'and told so before he tries');
select tests.stop_acting();

select tests.configure('video_rollout_percent', to_jsonb(:'bucket'::integer + 1));
select tests.act_as(:'user_id');
select is(tests.error_of($$select public.generate_video('a fox')$$), null, 'one percent more lets him in');
select is(public.get_video_availability() -> 'in_rollout', 'true', 'and he is told');

select finish();
rollback;
