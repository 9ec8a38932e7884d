begin;
select plan(14);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.fill_history(:'ann', 4, 3, '2031-03-05 10:00:00.123456+00');
select tests.fill_history(:'bob', 2, 2, '2031-03-05 10:00:00.123456+00');

-- All pages, one after the other, by the cursor of the one before.
create function pg_temp.walk(p_page_size integer, p_content_type text default null) returns text
language plpgsql
as $$
declare
    v_page jsonb;
    v_cursor text;
    v_prompts text[] := '{}';
begin
    for v_round in 1..50 loop
        v_page := public.list_generations(p_content_type, v_cursor, p_page_size);
        v_prompts := v_prompts || array(select i ->> 'prompt' from jsonb_array_elements(v_page -> 'items') as i);
        v_cursor := v_page ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return array_to_string(v_prompts, ', ');
end
$$;
grant execute on function pg_temp.walk(integer, text) to authenticated;

select tests.act_as(:'ann');
select 'video 1, image 1, video 2, image 2, video 3, image 3, video 4' as all_of_it \gset
select is(pg_temp.walk(100), :'all_of_it', 'one page');
select is(pg_temp.walk(1), :'all_of_it', 'pages of one');
select is(pg_temp.walk(3), :'all_of_it', 'pages of three');
select is(pg_temp.walk(7), :'all_of_it', 'a page that is exactly full');
select is(pg_temp.walk(2, 'image'), 'image 1, image 2, image 3', 'images alone');
select is(pg_temp.walk(2, 'video'), 'video 1, video 2, video 3, video 4', 'videos alone');
select is(public.list_generations(null, null, null), public.list_generations(), 'an explicit null means the default');

select is(
    public.list_generations(page_size => 1) #> '{items,0}' #- '{id}',
    jsonb_build_object(
        'content_type', 'video', 'prompt', 'video 1', 'status', 'completed', 'credit_cost', 0,
        'created_at', '2031-03-05T10:00:00.123456+00:00', 'completed_at', '2031-03-05T10:00:00.123456+00:00',
        'bucket', 'videos', 'path', :'ann' || '/1.mp4', 'thumbnail_path', null, 'width', 1280, 'height', 720,
        'duration', 8, 'resolution', '720p', 'aspect_ratio', '16:9'
    ),
    'a video, ready to be signed and shown'
);
select is(
    public.list_generations('image', page_size => 1) #> '{items,0}' #- '{id}',
    jsonb_build_object(
        'content_type', 'image', 'prompt', 'image 1', 'status', 'completed', 'credit_cost', 0,
        'created_at', '2031-03-05T09:59:30.123456+00:00', 'completed_at', '2031-03-05T09:59:30.123456+00:00',
        'bucket', 'reference-images', 'path', :'ann' || '/1.png', 'thumbnail_path', null, 'width', null,
        'height', null, 'duration', null, 'resolution', null, 'aspect_ratio', null
    ),
    'an image, with the same keys'
);

select tests.throws_code($$select public.list_generations('audio')$$, 'invalid_parameter');
select tests.throws_code($$select public.list_generations(cursor => 'nonsense')$$, 'invalid_parameter');
select tests.throws_code($$select public.list_generations(page_size => 101)$$, 'invalid_parameter');

select tests.act_as(:'bob');
select is(pg_temp.walk(100), 'video 1, image 1, video 2, image 2', 'everybody sees his own');

select tests.act_as_role('anon');
select throws_ok(
    'select public.list_generations()', '42501', 'permission denied for function list_generations',
    'signed out nobody can call it'
);
select tests.stop_acting();

select finish();
rollback;
