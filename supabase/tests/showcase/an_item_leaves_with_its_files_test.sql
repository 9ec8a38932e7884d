begin;
select plan(19);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_rich_user(10000) as ann \gset
select tests.create_rich_user() as bob \gset

create function pg_temp.item(p_author uuid, p_status text default 'published') returns uuid
language plpgsql
as $$
declare
    v_task uuid := tests.create_video(p_author, 'completed');
    v_item uuid;
begin
    perform tests.act_as(p_author);
    v_item := public.publish_to_showcase(v_task) ->> 'id';
    perform tests.stop_acting();
    update public.showcase_items
    set item_status = p_status, published_at = private.now(), status_reason = 'x'
    where id = v_item;
    return v_item;
end
$$;
-- The files of an item that are due for deletion, each at once and later.
create function pg_temp.deletions(p_url text) returns bigint
language sql
as $$
    select count(*) from private.file_jobs as f
    where f.kind = 'delete' and f.bucket = 'showcase' and p_url like '%/showcase/' || f.path
$$;
create function pg_temp.url(p_item uuid) returns text
language sql
as $$select s.video_url from public.showcase_items as s where s.id = p_item$$;

-- By its author ----------------------------------------------------------------------------------------------------
select pg_temp.item(:'ann') as kept \gset
select pg_temp.item(:'ann') as withdrawn \gset
select pg_temp.url(:'withdrawn') as url \gset
select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.remove_from_showcase(%L)', :'withdrawn'), 'item_not_found', 'nobody withdraws another''s'
);
select tests.act_as(:'ann');
select is(public.remove_from_showcase(:'withdrawn'), '{"removed": true}'::jsonb, 'the author withdraws his own');
select tests.throws_code(
    format('select public.remove_from_showcase(%L)', :'withdrawn'), 'item_not_found', 'then it is gone'
);
select tests.stop_acting();
select results_eq(
    'select id from public.showcase_items', array[:'kept'::uuid], 'and no other with it'
);
delete from public.showcase_items;
select is(pg_temp.deletions(:'url'), 2::bigint, 'and its copies are deleted');
select is_empty($$select from private.file_jobs where kind = 'copy'$$, 'those not made yet are called off');

-- With its video or its image --------------------------------------------------------------------------------------
select pg_temp.item(:'ann', 'rejected') as rejected \gset
select pg_temp.url(:'rejected') as url \gset
select tests.act_as(:'ann');
select is(
    public.remove_from_showcase(:'rejected'), '{"removed": true}'::jsonb, 'one that was rejected is out already'
);
select tests.stop_acting();
select is(
    (select item_status from public.showcase_items where id = :'rejected'), 'rejected',
    'and stays as a row, so that it cannot be handed in again'
);
update public.video_generation_history
set deleted_at = private.now()
where id = (select source_task_id from public.showcase_items where id = :'rejected');
select is(pg_temp.url(:'rejected'), null, 'an item goes with its video, whatever became of it');
select is(pg_temp.deletions(:'url'), 2::bigint, 'with its copies');

insert into storage.objects (bucket_id, name, metadata) values
('reference-images', :'ann' || '/1.png', '{"mimetype": "image/png", "size": 10}');
insert into public.image_generation_history (user_id, bucket, path)
values (:'ann', 'reference-images', :'ann' || '/1.png')
returning id as image_id \gset
select tests.act_as(:'ann');
select public.publish_to_showcase(image_id => :'image_id') ->> 'id' as image_item \gset
select tests.stop_acting();
update public.image_generation_history set deleted_at = private.now() where id = :'image_id';
select is_empty(format('select from public.showcase_items where id = %L', :'image_item'), 'or with its image');

-- With its author --------------------------------------------------------------------------------------------------
select pg_temp.item(:'ann') as shown \gset
select pg_temp.item(:'ann', 'copying') as copying \gset
select pg_temp.item(:'bob') as of_bob \gset
select tests.act_as(:'ann');
select public.set_showcase_like(:'of_bob');
select tests.act_as(:'bob');
select public.set_showcase_like(:'shown');
select tests.stop_acting();
select pg_temp.url(:'shown') as url \gset
delete from auth.users where id = :'ann';
select is_empty(format('select from public.showcase_items where author_id = %L', :'ann'), 'items go with their author');
select is(pg_temp.deletions(:'url'), 2::bigint, 'with their copies');
select is_empty(
    format($$select from private.file_jobs where kind = 'copy' and source_path like '%s/%%'$$, :'ann'),
    'no copy is made any more'
);
select is((select like_count from public.showcase_items where id = :'of_bob'), 0, 'and his likes');
select is((select count(*) from public.showcase_likes), 0::bigint, 'also those of his items');
select is(public.list_showcase() #>> '{items,0,id}', :'of_bob', 'what others show stays');

-- Softly deleted, as Auth can.
select pg_temp.url(:'of_bob') as url \gset
update auth.users set deleted_at = now() where id = :'bob';
select is((select count(*) from public.showcase_items), 0::bigint, 'a soft deletion does the same');
select is(pg_temp.deletions(:'url'), 2::bigint, 'to the files');

select finish();
rollback;
