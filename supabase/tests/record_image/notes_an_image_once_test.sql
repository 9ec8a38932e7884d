begin;
select plan(27);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
insert into storage.buckets (id, name) values ('host-app', 'host-app');
insert into storage.objects (bucket_id, name, metadata) values
('reference-images', :'ann' || '/fox.png', '{"mimetype": "image/png", "size": 1000}'),
('reference-images', :'bob' || '/cow.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', :'ann' || '/made.webp', '{"mimetype": "image/webp", "size": 1000}'),
('host-app', 'made/1.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', 'made/1.pdf', '{"mimetype": "application/pdf", "size": 1000}'),
('videos', :'ann' || '/1.jpg', '{"mimetype": "image/jpeg", "size": 1000}');

select tests.act_as(:'ann');
select public.record_image('a fox', 'reference-images', :'ann' || '/fox.png', 800, 600) as first \gset
select is(
    :'first'::jsonb - 'id' - 'created_at',
    jsonb_build_object(
        'prompt', 'a fox', 'bucket', 'reference-images', 'path', :'ann' || '/fox.png', 'width', 800, 'height', 600
    ),
    'answers the image'
);
select is(
    public.record_image('another', 'reference-images', :'ann' || '/fox.png'), :'first'::jsonb,
    'the same object again is the first record'
);
select is(
    (select array_agg(i.id) from public.image_generation_history as i), array[(:'first'::jsonb ->> 'id')::uuid],
    'there is one, and its owner can read it'
);
select is(
    tests.error_of(format('select public.record_image(''x'', ''reference-images'', %L)', :'bob' || '/cow.png'))
    ->> 'code', 'image_not_found', 'not one of somebody else'
);
select tests.throws_code($$select public.record_image('x', 'reference-images', 'none.png')$$, 'image_not_found');
select tests.throws_code($$select public.record_image('x', null, null)$$, 'image_not_found');
select tests.throws_code($$select public.record_image('x', 'host-app', 'made/1.png')$$, 'image_not_found');
select tests.throws_code(
    format('select public.record_image(''x'', ''videos'', %L)', :'ann' || '/1.jpg'), 'image_not_found',
    'a poster of a video is no image of its own'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', %L)', :'ann' || '/made.webp'), 'image_not_found',
    'the own folder of a bucket that is not for images'
);
select tests.throws_code(
    format('select public.record_image(%L, ''reference-images'', %L)', repeat('x', 4001), :'ann' || '/fox.png'),
    'invalid_parameter', 'a prompt has an end'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L, 0, 10)', :'ann' || '/fox.png'),
    'invalid_parameter', 'a width of nothing'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L, 10, -1)', :'ann' || '/fox.png'),
    'invalid_parameter', 'a negative height'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L, 10)', :'ann' || '/fox.png'),
    'invalid_parameter', 'a width without a height'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L, user_id => %L)', :'ann' || '/fox.png', :'bob'),
    'invalid_parameter', 'nobody records for somebody else'
);

-- A bucket of the host application, opened for its users.
select tests.stop_acting();
select tests.configure('video_image_buckets', '"reference-images, host-app"');
select tests.act_as(:'ann');
select is(
    public.record_image('made', 'host-app', :'ann' || '/made.webp') ->> 'bucket', 'host-app',
    'the own folder of a bucket that video_image_buckets names'
);
select tests.throws_code($$select public.record_image('x', 'host-app', 'made/1.png')$$, 'image_not_found');

-- The host application.
select tests.act_as_role('service_role');
select public.record_image('by the app', 'host-app', 'made/1.png', user_id => :'ann') as made \gset
select is(:'made'::jsonb ->> 'prompt', 'by the app', 'records any object for the user it names');
select is(
    public.record_image('by the app', 'host-app', 'made/1.png', user_id => :'ann'), :'made'::jsonb, 'once'
);
select tests.throws_code(
    $$select public.record_image('x', 'host-app', 'made/1.png')$$, 'invalid_parameter', 'whom it has to name'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.png'', user_id => %L)', :'bob'),
    'idempotency_conflict', 'an image has one owner'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.png'', user_id => %L)', gen_random_uuid()),
    'user_not_found'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.pdf'', user_id => %L)', :'ann'),
    'invalid_parameter', 'a file that is no image'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/2.png'', user_id => %L)', :'ann'), 'image_not_found'
);

select tests.act_as_role('anon');
select throws_ok(
    $$select public.record_image('x', 'host-app', 'made/1.png')$$, '42501',
    'permission denied for function record_image', 'signed out nobody can call it'
);

-- A recorded image is a first frame, if a model can read it.
select tests.stop_acting();
select i.id as webp from public.image_generation_history as i where i.path like '%.webp' \gset
select tests.act_as(:'ann');
select public.generate_video('it runs', reference_image_id => (:'made'::jsonb ->> 'id')::uuid)
    ->> 'task_id' as task_id \gset
select is(
    (select v.reference_image_bucket || ' ' || v.reference_image_path from public.videos as v where v.id = :'task_id'),
    'host-app made/1.png', 'it can be the first frame of a clip'
);
select is(
    tests.error_of(format('select public.generate_video(''it runs'', reference_image_id => %L)', :'webp'))
    -> 'details', '{"parameter": "reference_image_id", "allowed": ["image/png", "image/jpeg"]}'::jsonb,
    'one of another kind is refused before anything is paid'
);
select tests.stop_acting();
update storage.objects set metadata = '{"mimetype": "image/png", "size": 20971521}' where name like '%made.webp';
select tests.act_as(:'ann');
select is(
    tests.error_of(format('select public.generate_video(''it runs'', reference_image_id => %L)', :'webp'))
    -> 'details', '{"parameter": "reference_image_id", "allowed": {"max_bytes": 20971520}}'::jsonb,
    'and so is one above 20 MB'
);
select tests.stop_acting();

select finish();
rollback;
