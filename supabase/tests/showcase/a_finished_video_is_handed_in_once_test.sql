begin;
select plan(31);

delete from private.file_jobs;
select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.create_video(:'ann', 'completed') as task_id \gset
select tests.create_video(:'ann', 'completed') as other_task_id \gset
update public.video_generation_history
set thumbnail_url = 'videos/' || :'ann' || '/' || id || '.jpg'
where id = :'task_id';
delete from private.file_jobs;
delete from net.http_request_queue;

select tests.act_as(:'ann');
select public.publish_to_showcase(:'task_id', title => 'A fox', show_prompt => null) as item \gset
select is(
    :'item'::jsonb - '{id,created_at,provenance}'::text[],
    jsonb_build_object(
        'content_type', 'video', 'title', 'A fox', 'prompt', null, 'author_name', null, 'image_url', null,
        'video_url', null, 'thumbnail_url', null, 'duration', 8, 'resolution', '720p', 'like_count', 0,
        'liked_by_me', false, 'featured', false, 'ai_generated', true, 'status', 'copying', 'reason', null,
        'task_id', :'task_id', 'image_id', null, 'show_prompt', false
    ),
    'the item waits for its copies, and tells its author no address'
);
select :'item'::jsonb ->> 'id' as item_id \gset
select is(
    public.publish_to_showcase(:'task_id', title => 'Another title', show_prompt => true), :'item'::jsonb,
    'a repeated call answers the same item'
);
select tests.stop_acting();
select results_eq(
    $$
    select f.kind, f.bucket, regexp_replace(f.path, '^[0-9a-f-]{36}', '<random>'), f.source_bucket, f.source_path
    from private.file_jobs as f
    order by f.path desc
    $$,
    format(
        $$values ('copy', 'showcase', '<random>.mp4', 'videos', '%1$s/%2$s.mp4'),
        ('copy', 'showcase', '<random>.jpg', 'videos', '%1$s/%2$s.jpg')$$, :'ann', :'task_id'
    ),
    'both files are copied, once, to names that say nothing'
);
select is_empty(
    format(
        'select from private.file_jobs as f where f.path ~ %L',
        concat_ws('|', :'item_id', :'ann', :'task_id')
    ),
    'not to the id of item, author or video'
);
select is((select count(*) from net.http_request_queue), 1::bigint, 'and the worker is woken for it, once');

-- What is refused ------------------------------------------------------------------------------------------------
select tests.create_video(:'ann', 'processing') as unfinished \gset
select tests.create_video(:'ann', 'completed') as deleted \gset
select tests.act_as(:'ann');
select is(
    tests.error_of('select public.publish_to_showcase()') -> 'details',
    '{"parameter": "task_id", "allowed": "exactly one of task_id and image_id"}'::jsonb, 'nothing named'
);
select tests.throws_code(
    format('select public.publish_to_showcase(%L, %L)', :'task_id', gen_random_uuid()), 'invalid_parameter',
    'both named'
);
select is(
    tests.error_of(format('select public.publish_to_showcase(%L, title => %L)', :'other_task_id', '   ')) -> 'details',
    '{"parameter": "title", "allowed": {"min_length": 1, "max_length": 120}}'::jsonb, 'a blank title'
);
select tests.throws_code(
    format('select public.publish_to_showcase(%L, title => %L)', :'other_task_id', repeat('ä', 121)),
    'invalid_parameter', 'a long title'
);
select lives_ok(
    format('select public.publish_to_showcase(%L, title => %L)', :'other_task_id', repeat('ä', 120)),
    'characters are counted, not bytes'
);
select is(
    tests.error_of(format('select public.publish_to_showcase(%L)', :'unfinished')) -> 'details',
    '{"status": "processing", "stage": null}'::jsonb, 'an unfinished video says how it stands'
);
select tests.throws_code(
    format('select public.publish_to_showcase(%L)', gen_random_uuid()), 'task_not_found', 'an unknown video'
);
select public.delete_video(:'deleted');
select tests.throws_code(
    format('select public.publish_to_showcase(%L)', :'deleted'), 'task_not_found', 'one that its owner deleted'
);
select tests.throws_code(
    format('select public.publish_to_showcase(image_id => %L)', gen_random_uuid()), 'image_not_found',
    'an unknown image'
);
select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.publish_to_showcase(%L)', :'task_id'), 'task_not_found',
    'somebody else''s video, shown already or not'
);
select tests.act_as_role('anon');
select throws_ok(
    format('select public.publish_to_showcase(%L)', :'task_id'), '42501', null, 'a visitor publishes nothing'
);

-- Images -----------------------------------------------------------------------------------------------------------
select tests.stop_acting();
insert into storage.objects (bucket_id, name, metadata) values
('reference-images', :'ann' || '/1.png', '{"mimetype": "image/png", "size": 10}'),
('reference-images', :'ann' || '/2.svg', '{"mimetype": "image/svg+xml", "size": 10}'),
('reference-images', :'ann' || '/4.png', '{"mimetype": "image/png", "size": 10}'),
('videos', :'ann' || '/3.png', '{"mimetype": "image/png", "size": 10}');
insert into public.image_generation_history (user_id, prompt, bucket, path) values
(:'ann', 'a heron', 'reference-images', :'ann' || '/1.png')
returning id as image_id \gset
insert into public.image_generation_history (user_id, bucket, path) values
(:'ann', 'reference-images', :'ann' || '/2.svg')
returning id as drawing_id \gset
insert into public.image_generation_history (user_id, bucket, path) values
(:'ann', 'reference-images', :'ann' || '/3.png')
returning id as lost_id \gset
insert into public.image_generation_history (user_id, bucket, path, deleted_at) values
(:'ann', 'reference-images', :'ann' || '/4.png', private.now())
returning id as deleted_id \gset

select tests.act_as(:'ann');
select public.publish_to_showcase(image_id => :'image_id', show_prompt => true) as image_item \gset
select is(
    :'image_item'::jsonb - '{id,created_at}'::text[],
    jsonb_build_object(
        'content_type', 'image', 'title', null, 'prompt', 'a heron', 'author_name', null, 'image_url', null,
        'video_url', null, 'thumbnail_url', null, 'duration', null, 'resolution', null, 'like_count', 0,
        'liked_by_me', false, 'featured', false, 'ai_generated', true, 'status', 'copying', 'reason', null,
        'task_id', null, 'image_id', :'image_id', 'show_prompt', true,
        'provenance', jsonb_build_object(
            'provider', null, 'model', null, 'sha256', null,
            'created_at', (select i.created_at from public.image_generation_history as i where i.id = :'image_id')
        )
    ),
    'an image is handed in the same way'
);
select is(
    tests.error_of(format('select public.publish_to_showcase(image_id => %L)', :'drawing_id')) -> 'details',
    '{"parameter": "image_id", "allowed": ["image/png", "image/jpeg", "image/webp"]}'::jsonb,
    'a drawing that could hold a script is not'
);
select tests.throws_code(
    format('select public.publish_to_showcase(image_id => %L)', :'lost_id'), 'image_not_found',
    'nor a file that is gone, though another bucket has one of its name'
);
select tests.throws_code(
    format('select public.publish_to_showcase(image_id => %L)', :'deleted_id'), 'image_not_found',
    'nor an image that was deleted, whose file is still to go'
);
select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.publish_to_showcase(image_id => %L)', :'image_id'), 'image_not_found', 'nor somebody else''s'
);

-- As many as may wait ----------------------------------------------------------------------------------------------
select tests.stop_acting();
select is(
    (
        select row(f.source_bucket, f.source_path)::text
        from private.file_jobs as f
        where f.showcase_item_id = (:'image_item'::jsonb ->> 'id')::uuid
    ),
    format('(reference-images,%s/1.png)', :'ann'), 'an image is copied from the bucket it is in'
);

select tests.configure('showcase_pending_limit', '3');
select tests.create_video(:'ann', 'completed') as one_more \gset
select tests.create_video(:'bob', 'completed') as of_bob \gset
update public.showcase_items set item_status = 'in_review' where source_task_id = :'task_id';
select tests.act_as(:'bob');
select lives_ok(
    format('select public.publish_to_showcase(%L)', :'of_bob'), 'what others hand in takes nobody''s place'
);
select tests.act_as(:'ann');
select is(
    tests.error_of(format('select public.publish_to_showcase(%L)', :'one_more')) - '{message,hint,code}'::text[],
    '{"status": 429, "headers": {"Retry-After": "3600"},
      "details": {"limit": 3, "active": 3, "retry_after_seconds": 3600}}'::jsonb,
    'reviewers are not flooded'
);
select is(
    public.publish_to_showcase(:'task_id') ->> 'id', :'item_id', 'what is there already is answered all the same'
);
select tests.stop_acting();
update public.showcase_items
set item_status = 'published', published_at = private.now()
where source_task_id = :'task_id';
select tests.act_as(:'ann');
select lives_ok(
    format('select public.publish_to_showcase(%L)', :'one_more'), 'what was looked at does not wait any more'
);

-- The author's own list --------------------------------------------------------------------------------------------
select is(
    (select jsonb_agg(i ->> 'content_type') from jsonb_array_elements(public.list_my_showcase() -> 'items') as i),
    '["video", "image", "video", "video"]'::jsonb, 'the author sees what he handed in, newest first'
);
select public.list_my_showcase(page_size => 3) as page \gset
select is(jsonb_array_length(:'page'::jsonb -> 'items'), 3, 'in pages');
select is(
    public.list_my_showcase(:'page'::jsonb ->> 'next_cursor') #>> '{items,0,id}', :'item_id', 'to the last'
);
select tests.act_as(:'bob');
select is(
    (select jsonb_agg(i -> 'task_id') from jsonb_array_elements(public.list_my_showcase() -> 'items') as i),
    jsonb_build_array(:'of_bob'), 'and nobody else''s'
);

-- A token that outlives its user.
select tests.act_as(gen_random_uuid());
select tests.throws_code(
    format('select public.publish_to_showcase(%L)', :'task_id'), 'not_authenticated', 'a deleted user shows nothing'
);

select finish();
rollback;
