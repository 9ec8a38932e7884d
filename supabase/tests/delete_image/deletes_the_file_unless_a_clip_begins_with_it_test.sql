begin;
select plan(18);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.configure('video_concurrent_limit', '10');
insert into storage.buckets (id, name) values ('host-app', 'host-app');
insert into storage.objects (bucket_id, name, metadata) values
('reference-images', :'ann' || '/fox.png', '{"mimetype": "image/png", "size": 1000}'),
('reference-images', :'ann' || '/cow.png', '{"mimetype": "image/png", "size": 1000}'),
('reference-images', :'ann' || '/hen.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', :'ann' || '/fox.png', '{"mimetype": "image/png", "size": 1000}');
-- Live all the time: a clip that begins with another image of the same bucket, and one of the same path.
select tests.act_as_role('service_role');
select public.record_image('a fox', 'host-app', :'ann' || '/fox.png', user_id => :'ann') ->> 'id' as made \gset
select tests.act_as(:'ann');
select public.record_image('a hen', 'reference-images', :'ann' || '/hen.png') ->> 'id' as hen \gset
select public.generate_video('it runs', reference_image_id => :'hen') ->> 'task_id' as with_hen \gset
select public.generate_video('it runs', reference_image_id => :'made') ->> 'task_id' as with_made \gset
select public.record_image('a fox', 'reference-images', :'ann' || '/fox.png') ->> 'id' as fox \gset
select public.generate_video('it runs', reference_image_id => :'fox') ->> 'task_id' as by_id \gset
select public.generate_video('it runs', reference_image_path => :'ann' || '/fox.png') ->> 'task_id' as by_path \gset

select is(
    tests.error_of(format('select public.delete_image(%L)', :'fox')) #- '{details,task_id}'
        #- '{message}' #- '{hint}' #- '{headers}',
    '{"code": "illegal_state", "status": 409, "details": {"status": "pending", "stage": "submit"}}'::jsonb,
    'not while a live task begins with it'
);
select is(public.cancel_video(:'by_id') ->> 'status', 'cancelled', 'without the first task');
select is(
    tests.error_of(format('select public.delete_image(%L)', :'fox')) #>> '{details,task_id}', :'by_path',
    'nor while a task that named its path does'
);
select is(public.cancel_video(:'by_path') ->> 'status', 'cancelled', 'without the second');

select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.delete_image(%L)', :'fox'), 'image_not_found', 'somebody else is told that there is none'
);
select tests.act_as(:'ann');
select tests.throws_code(format('select public.delete_image(%L)', gen_random_uuid()), 'image_not_found');
select is(public.delete_image(:'fox'), '{"deleted": true}'::jsonb, 'its owner deletes it');
select is(public.delete_image(:'fox'), '{"deleted": true}'::jsonb, 'repeating it is fine');
select results_eq(
    'select i.prompt from public.image_generation_history as i order by i.prompt', $$values ('a fox'), ('a hen')$$,
    'it is gone from the table, the others stay'
);
select is(jsonb_array_length(public.search_images() -> 'items'), 2, 'from the search');
select is(jsonb_array_length(public.list_generations('image') -> 'items'), 2, 'and from the list');
select tests.throws_code(
    format('select public.generate_video(''it runs'', reference_image_id => %L)', :'fox'), 'image_not_found',
    'and begins no further clip'
);
select tests.stop_acting();
select results_eq(
    'select f.kind, f.bucket, f.path from private.file_jobs as f',
    format($$values ('delete', 'reference-images', %L)$$, :'ann' || '/fox.png'), 'its file is queued for deletion, once'
);
select is(
    (select i.prompt from public.image_generation_history as i where i.id = :'fox' and i.deleted_at is not null),
    null, 'the prompt is blank'
);

-- Another file under the same name is another image.
select tests.act_as(:'ann');
select isnt(
    public.record_image('another fox', 'reference-images', :'ann' || '/fox.png') ->> 'id', :'fox',
    'its place can be taken'
);
select public.generate_video('it runs', reference_image_path => :'ann' || '/fox.png') ->> 'task_id' as again \gset
select is(public.delete_image(:'fox'), '{"deleted": true}'::jsonb, 'which the first one does not touch any more');

-- A file of Ann's with which she made a clip is noted for Bob, by the host application.
select public.generate_video('it runs', reference_image_path => :'ann' || '/cow.png') ->> 'task_id' as with_cow \gset
select tests.act_as_role('service_role');
select public.record_image('a cow', 'reference-images', :'ann' || '/cow.png', user_id => :'bob') ->> 'id' as cow \gset
select tests.act_as(:'bob');
select is(public.delete_image(:'cow'), '{"deleted": true}'::jsonb, 'nobody is told of a task that is not his');
select tests.act_as_role('anon');
select throws_ok(
    format('select public.delete_image(%L)', :'fox'), '42501', 'permission denied for function delete_image',
    'signed out nobody can call it'
);
select tests.stop_acting();

select finish();
rollback;
