begin;
select plan(39);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin \gset
select tests.create_rich_user(10000) as ann \gset
select tests.create_rich_user() as bob \gset
update public.profiles set display_name = 'Ann' where id = :'ann';

-- A published item of a new video, or of a new image; its id.
create function pg_temp.publish(p_author uuid, p_kind text, p_title text, p_shows boolean default false) returns uuid
language plpgsql
as $$
declare
    v_id uuid;
    v_source uuid;
begin
    perform tests.advance_time('1 minute');
    if p_kind = 'video' then
        v_source := tests.create_video(p_author, 'completed');
    else
        insert into storage.objects (bucket_id, name, metadata)
        values ('reference-images', p_author || '/' || p_title, '{"mimetype": "image/jpeg", "size": 10}');
        insert into public.image_generation_history (user_id, prompt, bucket, path)
        values (p_author, 'secret of ' || p_title, 'reference-images', p_author || '/' || p_title)
        returning id into v_source;
    end if;
    perform tests.act_as(p_author);
    v_id := public.publish_to_showcase(
        case when p_kind = 'video' then v_source end, case when p_kind = 'image' then v_source end, p_title, p_shows
    ) ->> 'id';
    perform tests.stop_acting();
    perform worker_api.complete_file_job((c ->> 'file_job_id')::bigint, (c ->> 'lease_token')::uuid)
    from worker_api.claim_file_jobs('w', 50, '{copy}') as c;
    perform public.admin_review_showcase_item(v_id, 'approve');
    return v_id;
end
$$;
create function pg_temp.titles(p_page jsonb) returns text[]
language sql
as $$select array_agg(i ->> 'title') from jsonb_array_elements(p_page -> 'items') as i$$;
grant execute on function pg_temp.titles(jsonb) to public;

select pg_temp.publish(:'ann', 'video', 'v1') as v1 \gset
select pg_temp.publish(:'ann', 'image', 'i1', true) as i1 \gset
select pg_temp.publish(:'bob', 'video', 'v2', true) as v2 \gset
select pg_temp.publish(:'ann', 'image', 'i2') as i2 \gset
select pg_temp.publish(:'ann', 'video', 'v3') as v3 \gset

-- What is shown ----------------------------------------------------------------------------------------------------
select tests.act_as_role('anon');
select is(pg_temp.titles(public.list_showcase()), '{v3,i2,v2,i1,v1}', 'a visitor sees all of it, newest first');
select is(pg_temp.titles(public.list_showcase('video')), '{v3,v2,v1}', 'or the videos');
select is(pg_temp.titles(public.list_showcase('image')), '{i2,i1}', 'or the images');
select set_eq(
    $$select jsonb_object_keys(i) from jsonb_array_elements(public.list_showcase() -> 'items') as i$$,
    array[
        'id', 'content_type', 'title', 'prompt', 'author_name', 'image_url', 'video_url', 'thumbnail_url', 'duration',
        'resolution', 'like_count', 'liked_by_me', 'featured', 'created_at', 'ai_generated', 'provenance'
    ], 'these are the fields, and no other'
);
select set_eq(
    $$select jsonb_object_keys(i -> 'provenance') from jsonb_array_elements(public.list_showcase() -> 'items') as i$$,
    array['provider', 'model', 'created_at', 'sha256'], 'and these say where it came from'
);
select public.list_showcase('video') #> '{items,2}' as video \gset
select matches(
    :'video'::jsonb ->> 'video_url', '^/storage/v1/object/public/showcase/[0-9a-f-]{36}\.mp4$', 'a video has its copy'
);
select is(
    :'video'::jsonb - '{video_url,thumbnail_url}'::text[],
    jsonb_build_object(
        'id', :'v1', 'content_type', 'video', 'title', 'v1', 'prompt', null, 'author_name', 'Ann', 'image_url', null,
        'duration', 8, 'resolution', '720p', 'like_count', 0, 'liked_by_me', false, 'featured', false,
        'created_at', '2030-01-01T12:01:00+00:00'::timestamptz, 'ai_generated', true,
        'provenance', jsonb_build_object(
            'provider', 'vertex', 'model', 'veo-3.1', 'created_at', '2030-01-01T12:01:00+00:00'::timestamptz,
            'sha256', repeat('ab', 32)
        )
    ),
    'marked as generated, with model, time and checksum of the original; without the prompt'
);
select public.list_showcase('image') #> '{items,1}' as image \gset
select matches(
    :'image'::jsonb ->> 'image_url', '^/storage/v1/object/public/showcase/[0-9a-f-]{36}\.jpg$', 'an image has its copy'
);
select is(
    :'image'::jsonb -> 'thumbnail_url', :'image'::jsonb -> 'image_url', 'which is also what a gallery shows small'
);
select is(:'image'::jsonb ->> 'prompt', 'secret of i1', 'the prompt is shown if its author agreed');
select is(public.list_showcase('image') #> '{items,0,prompt}', 'null'::jsonb, 'else not');
select is(public.list_showcase('video') #>> '{items,1,author_name}', null, 'who has no name is shown without');

-- Leaks ------------------------------------------------------------------------------------------------------------
select tests.stop_acting();
create temporary table secrets as
select s.text
from (
    select unnest(array[:'ann', :'bob', :'admin']) as text
    union all
    select h.id::text from public.video_generation_history as h
    union all
    select i.id::text from public.image_generation_history as i
    union all
    select a.id::text from public.credit_accounts as a
    union all
    select 'secret of i2'
    union all
    select 'reference-images'
) as s;
grant select on secrets to public;
select cmp_ok((select count(*) from secrets), '>', 8::bigint, 'there is something that must not be told');
select tests.act_as_role('anon');
select is_empty(
    'select s.text from secrets as s where public.list_showcase()::text like ''%'' || s.text || ''%''',
    'the list tells a visitor no id of a user or video, no private path, no prompt that was not given'
);
select tests.act_as(:'bob');
select is_empty(
    $$select s.text from secrets as s where public.list_showcase()::text like '%' || s.text || '%'$$,
    'nor a user'
);
select throws_ok('select * from public.showcase_items', '42501', null, 'the table is closed');
select throws_ok('select * from public.showcase_likes', '42501', null, 'and who likes what');
select is_empty(
    $$select from storage.objects as o where o.bucket_id = 'showcase'$$, 'nobody lists the files'
);
select throws_ok(
    $$insert into storage.objects (bucket_id, name) values ('showcase', 'mine.mp4')$$, '42501', null, 'or adds one'
);

-- Addresses --------------------------------------------------------------------------------------------------------
select tests.stop_acting();
select tests.configure('storage_public_url', '"https://abc.supabase.co/"');
select is(
    public.list_showcase('video') #>> '{items,2,video_url}',
    'https://abc.supabase.co' || (:'video'::jsonb ->> 'video_url'), 'with storage_public_url they are complete'
);

-- Pages ------------------------------------------------------------------------------------------------------------
select tests.act_as_role('anon');
select public.list_showcase(page_size => 2) as page1 \gset
select is(pg_temp.titles(:'page1'), '{v3,i2}', 'the first page');
select public.list_showcase(page_size => 2, cursor => :'page1'::jsonb ->> 'next_cursor') as page2 \gset
select is(pg_temp.titles(:'page2'), '{v2,i1}', 'the second');
select public.list_showcase(page_size => 2, cursor => :'page2'::jsonb ->> 'next_cursor') as page3 \gset
select is(
    (pg_temp.titles(:'page3'), :'page3'::jsonb -> 'next_cursor'), (array['v1'], 'null'::jsonb), 'the last has no next'
);
select tests.throws_code($$select public.list_showcase(cursor => 'x')$$, 'invalid_parameter', 'a made-up cursor');
select tests.throws_code('select public.list_showcase(page_size => 101)', 'invalid_parameter', 'a page too long');
select tests.throws_code($$select public.list_showcase('sound')$$, 'invalid_parameter', 'an unknown type');

-- The carousel -----------------------------------------------------------------------------------------------------
select tests.stop_acting();
select public.admin_feature_showcase_item(:'v1');
select public.admin_feature_showcase_item(:'i2', true, 3);
select public.admin_feature_showcase_item(:'v2', true, 2);
select tests.act_as_role('anon');
select is(pg_temp.titles(public.list_showcase(featured => true)), '{v1,v2,i2}', 'featured items come by their places');
select is(pg_temp.titles(public.list_showcase('video', true)), '{v1,v2}', 'also the videos alone');
select is(pg_temp.titles(public.list_showcase(featured => false)), '{v3,i1}', 'the others without them');
select public.list_showcase(featured => true, page_size => 2) as page1 \gset
select is(
    (
        pg_temp.titles(:'page1'),
        pg_temp.titles(
            public.list_showcase(featured => true, page_size => 2, cursor => :'page1'::jsonb ->> 'next_cursor')
        )
    ), (array['v1', 'v2'], array['i2']), 'in pages'
);
select tests.stop_acting();
select tests.throws_code(
    format('select public.admin_feature_showcase_item(%L)', gen_random_uuid()), 'item_not_found',
    'what is not there is not featured'
);
select is(
    public.admin_feature_showcase_item(:'i1', true, 2) ->> 'featured_position', '2', 'a place can be given away'
);
select is(pg_temp.titles(public.list_showcase(featured => true)), '{v1,i1,i2}', 'who had it leaves');
select is(
    array[
        public.admin_feature_showcase_item(:'v2') ->> 'featured_position',
        public.admin_feature_showcase_item(:'v3') ->> 'featured_position'
    ], array['4', '5'], 'without a place the first free one is taken'
);
select pg_temp.publish(:'bob', 'image', 'i3') as i3 \gset
select tests.throws_code(
    format('select public.admin_feature_showcase_item(%L)', :'i3'), 'illegal_state', 'there are five'
);
select tests.throws_code(
    format('select public.admin_feature_showcase_item(%L, true, 6)', :'i3'), 'invalid_parameter', 'and no sixth'
);
select public.admin_review_showcase_item(:'v1', 'hide', 'x');
select is(
    (select featured_position from public.showcase_items where id = :'v1'), null, 'what is hidden leaves the carousel'
);
select tests.throws_code(
    format('select public.admin_feature_showcase_item(%L)', :'v1'), 'illegal_state', 'and does not come back so'
);
select is(
    public.admin_feature_showcase_item(:'i1', false) -> 'featured', 'false'::jsonb, 'a place can be taken back'
);

select finish();
rollback;
