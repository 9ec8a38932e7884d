begin;
select plan(11);

select tests.create_rich_user(100) as ann \gset
select tests.create_user() as bob \gset
select tests.create_video(:'ann', 'completed') as task_id \gset
insert into storage.objects (bucket_id, name) values
('videos', :'ann' || '/' || :'task_id' || '.jpg'),
('videos', :'bob' || '/other.mp4'),
('videos', 'stray.mp4');
-- A bucket of the host application, which has policies of its own or none.
insert into storage.buckets (id, name) values ('host-app', 'host-app');
insert into storage.objects (bucket_id, name) values ('host-app', :'ann' || '/contract.pdf');
select set_config('storage.allow_delete_query', 'true', true) as ignored \gset

select tests.act_as(:'ann');
select set_eq(
    'select name from storage.objects',
    array[:'ann' || '/' || :'task_id' || '.mp4', :'ann' || '/' || :'task_id' || '.jpg'],
    'she sees clip and poster frame of her own'
);
select is(
    (
        select count(*)
        from storage.objects as o
        where o.name = public.get_video_status(:'task_id') #>> '{video,path}'
            and o.bucket_id = public.get_video_status(:'task_id') #>> '{video,bucket}'
    ), 1::bigint, 'where the status says they are'
);
select throws_ok(
    format($$insert into storage.objects (bucket_id, name) values ('videos', %L)$$, :'ann' || '/mine.mp4'),
    '42501', null, 'she puts nothing there'
);
update storage.objects set metadata = '{"size": 1}';
select is_empty($$select from storage.objects where metadata ->> 'size' = '1'$$, 'replaces nothing');
delete from storage.objects where bucket_id = 'videos';
select is((select count(*) from storage.objects), 2::bigint, 'and removes nothing: deletion goes by the worker');

select tests.act_as(:'bob');
select set_eq('select name from storage.objects', array[:'bob' || '/other.mp4'], 'Bob sees his own');
delete from storage.objects;
select tests.act_as_role('anon');
select is_empty('select from storage.objects', 'a visitor sees nothing');
select throws_ok(
    $$insert into storage.objects (bucket_id, name) values ('videos', 'x.mp4')$$, '42501', null, 'and writes nothing'
);
delete from storage.objects;

select tests.act_as_role('service_role');
select is(
    (
        select count(*)
        from storage.objects as o
        where o.bucket_id = 'videos' and split_part(o.name, '/', 1) in (:'ann', :'bob', 'stray.mp4')
    ), 4::bigint, 'all are still there'
);
select tests.stop_acting();
select is(
    tests.error_of_worker('select * from storage.objects') ->> 'sqlstate', '42501',
    'the worker''s database role has nothing to do with Storage'
);
select is(
    tests.error_of_worker('select * from storage.buckets') ->> 'sqlstate', '42501', 'nor with its buckets'
);

select finish();
rollback;
