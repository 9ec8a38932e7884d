-- The six tiers, and that nothing of them is a literal: what a caller is quoted, shown and charged is one number.
begin;
select plan(15);

create function pg_temp.tiers(p_model text default 'veo-3.1') returns jsonb
language sql
as $$
    select jsonb_object_agg(o.resolution || '/' || o.duration, o.credit_cost)
    from private.current_options as o
    where o.model = p_model
$$;

select tests.configure('video_credit_per_second', '10');
select tests.configure('video_1080p_multiplier', '1.5');
select tests.configure('video_default_model', '"veo-3.1"');

select is(
    pg_temp.tiers(),
    '{"720p/4": 40, "720p/6": 60, "720p/8": 80, "1080p/4": 60, "1080p/6": 90, "1080p/8": 120}'::jsonb,
    '40/60/80 and 60/90/120 at 10 credits a second and 1.5 for 1080p'
);
select is(
    pg_temp.tiers('veo-3.1-fast'),
    '{"720p/4": 20, "720p/6": 30, "720p/8": 40, "1080p/4": 30, "1080p/6": 45, "1080p/8": 60}'::jsonb,
    'a model has its own multiplier'
);
select is_empty(
    $$
    select p
    from jsonb_array_elements(public.list_video_prices()) as p
    where p <> public.quote_video((p ->> 'duration')::integer, p ->> 'resolution', p ->> 'model')
    $$,
    'the quote is the listed price'
);

select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');
select tests.act_as(:'user_id');
select results_eq(
    $$
    select (public.generate_video('a fox', (p ->> 'duration')::integer, p ->> 'resolution') ->> 'credit_cost')::integer
    from jsonb_array_elements(public.list_video_prices()) as p
    where p ->> 'model' = 'veo-3.1'
    $$,
    $$
    select (p ->> 'credit_cost')::integer
    from jsonb_array_elements(public.list_video_prices()) as p
    where p ->> 'model' = 'veo-3.1'
    $$,
    'the charge is the listed price'
);
select is((public.get_credits() ->> 'balance')::integer, 1000 - 450, 'all six together cost 450');
select tests.stop_acting();

select tests.configure('video_credit_per_second', '12.5');
select is(
    pg_temp.tiers(),
    '{"720p/4": 50, "720p/6": 75, "720p/8": 100, "1080p/4": 75, "1080p/6": 113, "1080p/8": 150}'::jsonb,
    'another price for a second changes every tier, and a part of a credit is rounded up (112.5)'
);
select is((public.quote_video(6, '1080p') ->> 'credit_cost')::integer, 113, 'so does the quote');
select tests.act_as(:'user_id');
select is(
    (public.generate_video('a fox', 6, '1080p') ->> 'credit_cost')::integer, 113, 'and the charge'
);
select tests.stop_acting();

select tests.configure('video_1080p_multiplier', '2');
select is(
    pg_temp.tiers(),
    '{"720p/4": 50, "720p/6": 75, "720p/8": 100, "1080p/4": 100, "1080p/6": 150, "1080p/8": 200}'::jsonb,
    'the multiplier changes 1080p alone'
);
select tests.configure('video_credit_per_second', '0.01');
select is(pg_temp.tiers() ->> '720p/4', '1', 'nothing is free: the smallest price is one credit');
select tests.configure('video_credit_per_second', '3.3333333333333333333');
select is(pg_temp.tiers() ->> '720p/6', '20', 'the arithmetic is exact: 19.99... is 20');
select tests.configure('video_credit_per_second', '0.1');
update public.video_models set credit_multiplier = 10 where id = 'veo-3.1';
select is(pg_temp.tiers() ->> '720p/6', '6', 'and 0.1 x 6 x 10 is 6, not a binary 6.000...1 rounded up to 7');

-- What a second costs us, from when on.
select tests.set_time('2031-03-05 10:00:00+00');
insert into public.video_model_options (
    model, resolution, duration, valid_from, usd_per_second, typical_seconds, slow_seconds
) values
('veo-3.1', '720p', 8, '2031-03-05 10:00:01+00', 0.40, 60, 180);
select is(
    (select o.usd from private.current_options as o where (o.model, o.resolution, o.duration) = ('veo-3.1', '720p', 8)),
    6.00, 'a new cost does not count before its time'
);
select tests.advance_time('1 second');
select is(
    (select o.usd from private.current_options as o where (o.model, o.resolution, o.duration) = ('veo-3.1', '720p', 8)),
    3.20, 'and counts from then on'
);
select is(
    (select count(*) from private.current_options as o where o.model = 'veo-3.1'), 6::bigint,
    'each combination is offered once'
);

select finish();
rollback;
