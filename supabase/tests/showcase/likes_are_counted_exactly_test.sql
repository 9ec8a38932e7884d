begin;
select plan(16);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.create_video(:'ann', 'completed') as task_id \gset
select tests.act_as(:'ann');
select public.publish_to_showcase(:'task_id') ->> 'id' as item_id \gset
select tests.stop_acting();
update public.showcase_items set item_status = 'published', published_at = private.now();
insert into public.showcase_items (item_status, published_at) values ('published', '2020-01-01')
returning id as other_item_id \gset

select tests.act_as(:'ann');
select is(
    public.set_showcase_like(:'item_id', true), '{"liked": true, "like_count": 1}'::jsonb,
    'also one''s own can be liked'
);
select is(public.set_showcase_like(:'item_id'), '{"liked": true, "like_count": 1}'::jsonb, 'once');
select tests.act_as(:'bob');
select is(public.list_showcase() #> '{items,0,liked_by_me}', 'false'::jsonb, 'another does not like it yet');
select is(
    public.set_showcase_like(:'item_id', null), '{"liked": true, "like_count": 2}'::jsonb, 'null is the default'
);
select is(public.list_showcase() #> '{items,0,liked_by_me}', 'true'::jsonb, 'he is told that he does');
select is(public.list_showcase() #> '{items,0,like_count}', '2'::jsonb, 'and how many do');
select tests.act_as_role('anon');
select is(public.list_showcase() #> '{items,0,liked_by_me}', 'false'::jsonb, 'a visitor likes nothing');
select throws_ok(format('select public.set_showcase_like(%L)', :'item_id'), '42501', null, 'and cannot');
select tests.act_as(:'bob');
select public.set_showcase_like(:'other_item_id');
select is(
    public.set_showcase_like(:'item_id', false), '{"liked": false, "like_count": 1}'::jsonb, 'he changes his mind'
);
select is(
    public.list_showcase() #> '{items,1,liked_by_me}', 'true'::jsonb, 'but not about what else he likes'
);
select is(public.set_showcase_like(:'item_id', false), '{"liked": false, "like_count": 1}'::jsonb, 'once');
select tests.throws_code('select public.set_showcase_like(gen_random_uuid())', 'item_not_found', 'an unknown item');
select tests.act_as(gen_random_uuid());
select tests.throws_code(
    format('select public.set_showcase_like(%L)', :'item_id'), 'not_authenticated', 'a deleted user likes nothing'
);

-- A user who leaves takes his likes with him.
select tests.act_as(:'bob');
select public.set_showcase_like(:'item_id');
select tests.stop_acting();
select is((select like_count from public.showcase_items where id = :'item_id'), 2, 'two like it');
delete from auth.users where id = :'bob';
select is((select like_count from public.showcase_items where id = :'item_id'), 1, 'then one');
select is(
    (select array_agg(user_id) from public.showcase_likes where item_id = :'item_id'), array[:'ann'::uuid],
    'and no trace'
);

select finish();
rollback;
