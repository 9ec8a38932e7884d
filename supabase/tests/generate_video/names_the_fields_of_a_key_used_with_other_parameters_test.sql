begin;
select plan(13);

select tests.create_rich_user(1000) as user_id \gset
insert into storage.objects (bucket_id, name) values ('reference-images', :'user_id' || '/fox.png');
insert into public.image_generation_history (user_id, bucket, path)
values (:'user_id', 'reference-images', :'user_id' || '/fox.png') returning id as image_id \gset
select tests.act_as(:'user_id');
select public.generate_video('a fox', 6, '1080p', '9:16', 'snow', idempotency_key => 'key') ->> 'task_id' as task_id
\gset
select tests.stop_acting();
select tests.count_rows() as before \gset
select tests.act_as(:'user_id');

create function pg_temp.conflict(
    p_prompt text default 'a fox', p_duration integer default 6, p_resolution text default '1080p',
    p_aspect_ratio text default '9:16', p_negative text default 'snow', p_path text default null,
    p_image text default null, p_model text default null
) returns text
language sql
as $$
    select tests.error_of(
        format(
            'select public.generate_video(%L, %L, %L, %L, %L, %L, %L, %L, ''key'')',
            p_prompt, p_duration, p_resolution, p_aspect_ratio, p_negative, p_path, p_image, p_model
        )
    ) #>> '{details,fields}'
$$;

select is(pg_temp.conflict(), null, 'the same is no conflict');
select is(pg_temp.conflict(p_prompt => 'a Fox'), '["prompt"]', 'prompt');
select is(pg_temp.conflict(p_duration => 4), '["duration"]', 'duration');
select is(pg_temp.conflict(p_duration => null), '["duration"]', 'a default is a value too');
select is(pg_temp.conflict(p_resolution => '720p'), '["resolution"]', 'resolution');
select is(pg_temp.conflict(p_aspect_ratio => '16:9'), '["aspect_ratio"]', 'aspect ratio');
select is(pg_temp.conflict(p_negative => null), '["negative_prompt"]', 'a negative prompt that is missing');
select is(pg_temp.conflict(p_path => :'user_id' || '/fox.png'), '["reference_image_path"]', 'an image that is new');
select is(pg_temp.conflict(p_image => :'image_id'), '["reference_image_id"]', 'also by its id');
select is(pg_temp.conflict(p_model => 'veo-3.1-fast'), '["model"]', 'model');
select is(
    pg_temp.conflict(p_prompt => 'x', p_duration => 8, p_negative => 'rain'),
    '["duration", "negative_prompt", "prompt"]', 'several are all named'
);
select is(
    tests.error_of($$select public.generate_video('x', 6, '1080p', '9:16', 'snow', idempotency_key => 'key')$$)
        - array['message', 'hint'],
    jsonb_build_object(
        'code', 'idempotency_conflict', 'status', 409, 'headers', '{}'::jsonb,
        'details', jsonb_build_object('fields', '["prompt"]'::jsonb, 'task_id', :'task_id')
    ), 'the status is 409, and the first task is named'
);

select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'a conflict leaves nothing');

select finish();
rollback;
