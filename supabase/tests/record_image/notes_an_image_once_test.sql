begin;
select plan(36);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
insert into storage.buckets (id, name) values ('host-app', 'host-app');
insert into storage.objects (bucket_id, name, metadata) values
('reference-images', :'ann' || '/fox.png', '{"mimetype": "image/png", "size": 1000}'),
('reference-images', :'bob' || '/cow.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', :'ann' || '/fox.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', :'ann' || '/made.webp', '{"mimetype": "image/webp", "size": 1000}'),
('host-app', 'made/1.png', '{"mimetype": "image/png", "size": 1000}'),
('host-app', 'made/1.pdf', '{"mimetype": "application/pdf", "size": 1000}'),
('videos', :'ann' || '/1.jpg', '{"mimetype": "image/jpeg", "size": 1000}');

create function pg_temp.refused(p_bucket text, p_path text, p_arguments text, p_parameter text, p_allowed jsonb)
returns text
language sql
as $$
    select is(
        tests.error_of(format('select public.record_image(bucket => %L, path => %L, %s)', p_bucket, p_path, p_arguments))
            - 'message',
        jsonb_build_object(
            'code', 'invalid_parameter', 'status', 422, 'headers', '{}'::jsonb, 'hint', null,
            'details', jsonb_build_object('parameter', p_parameter, 'allowed', p_allowed)
        ),
        p_path || ' with ' || p_arguments
    )
$$;
grant execute on function pg_temp.refused(text, text, text, text, jsonb) to authenticated, service_role;

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
select pg_temp.refused('reference-images', :'ann' || '/fox.png', r.arguments, r.parameter, r.allowed)
from (
    values
    ($$prompt => repeat('x', 4001)$$, 'prompt', '{"max_length": 4000}'::jsonb),
    ($$prompt => 'x', width => 0, height => 10$$, 'width', '{"minimum": 1, "maximum": 100000}'),
    ($$prompt => 'x', width => 100001, height => 10$$, 'width', '{"minimum": 1, "maximum": 100000}'),
    ($$prompt => 'x', width => 10$$, 'width', '{"minimum": 1, "maximum": 100000}'),
    ($$prompt => 'x', width => 10, height => 0$$, 'height', '{"minimum": 1, "maximum": 100000}'),
    ($$prompt => 'x', width => 10, height => 100001$$, 'height', '{"minimum": 1, "maximum": 100000}'),
    (format('prompt => ''x'', user_id => %L', :'bob'), 'user_id', 'null')
) as r (arguments, parameter, allowed);
select is(
    array[
        public.record_image(repeat('🦊', 4000), 'reference-images', :'ann' || '/fox.png', 1, 100000),
        public.record_image('x', 'reference-images', :'ann' || '/fox.png', 100000, 1)
    ],
    array[:'first', :'first']::jsonb[], 'what is just within the limits is taken'
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
select pg_temp.refused('host-app', 'made/1.png', $$prompt => 'x'$$, 'user_id', '"the owner of the image"');
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.png'', user_id => %L)', :'bob'),
    'idempotency_conflict', 'an image has one owner'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.png'', user_id => %L)', gen_random_uuid()),
    'user_not_found'
);
select pg_temp.refused(
    'host-app', 'made/1.pdf', format('prompt => ''x'', user_id => %L', :'ann'), 'path', '["image/*"]'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', ''made/1.png'', user_id => %L)', :'ann'),
    'image_not_found', 'nor one that is only in another bucket'
);
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/2.png'', user_id => %L)', :'ann'), 'image_not_found'
);

-- One path in two buckets are two images.
select public.record_image('twin', 'host-app', :'ann' || '/fox.png', user_id => :'ann') as twin \gset
select is(
    array[
        public.record_image('x', 'host-app', :'ann' || '/fox.png', user_id => :'ann'),
        public.record_image('x', 'reference-images', :'ann' || '/fox.png', user_id => :'ann')
    ],
    array[:'twin', :'first']::jsonb[], 'each bucket has a record of its own'
);

-- One that was deleted is forgotten.
select tests.act_as(:'ann');
select public.delete_image((:'twin'::jsonb ->> 'id')::uuid) as ignored \gset
select public.record_image('new twin', 'host-app', :'ann' || '/fox.png') as new_twin \gset
select is(
    public.record_image('x', 'host-app', :'ann' || '/fox.png'), :'new_twin'::jsonb,
    'the same object again is the first record since it was deleted'
);

-- A user who is gone, whose token and files are still there.
select tests.stop_acting();
select tests.create_user() as gone \gset
insert into storage.objects (bucket_id, name) values ('reference-images', :'gone' || '/fox.png');
update auth.users set deleted_at = now() where id = :'gone';
select tests.act_as(:'gone');
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L)', :'gone' || '/fox.png'), 'not_authenticated',
    'a token that outlives its user records nothing'
);
select tests.act_as_role('service_role');
select tests.throws_code(
    format('select public.record_image(''x'', ''reference-images'', %L, user_id => %1$L)', :'gone'), 'user_not_found',
    'nor does the host application for him'
);

select tests.stop_acting();
select tests.throws_code(
    format('select public.record_image(''x'', ''host-app'', ''made/1.png'', user_id => %L)', :'ann'),
    'not_authenticated', 'a session without a token speaks for nobody'
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
