begin;
select plan(9);

create function pg_temp.kind(p_answer jsonb) returns jsonb
language sql
as $$
    select jsonb_build_object(
        'duration', h.duration, 'resolution', h.resolution, 'aspect_ratio', h.aspect_ratio, 'model', h.model,
        'negative_prompt', h.negative_prompt, 'path', h.reference_image_path, 'key', h.idempotency_key,
        'cost', p_answer -> 'credit_cost'
    )
    from public.video_generation_history as h
    where h.id = (p_answer ->> 'task_id')::uuid
$$;

select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');

select tests.act_as(:'user_id');
select public.generate_video('a fox') as left_out \gset
select public.generate_video('a fox', null, null, null, null, null, null, null, null) as nulls \gset
select public.generate_video(prompt => 'a fox', negative_prompt => E' \n\t ') as blank \gset
select public.generate_video(prompt => 'a fox', negative_prompt => '  snow ') as padded \gset
select public.generate_video(E'  a fox\n') as padded_prompt \gset
select tests.stop_acting();

select is(
    pg_temp.kind(:'left_out'),
    '{"duration": 8, "resolution": "720p", "aspect_ratio": "16:9", "model": "veo-3.1", "negative_prompt": null,
      "path": null, "key": null, "cost": 80}'::jsonb,
    'eight seconds of 720p in landscape, by the default model'
);
select is(pg_temp.kind(:'nulls'), pg_temp.kind(:'left_out'), 'an explicit null means the default');
select is(pg_temp.kind(:'blank'), pg_temp.kind(:'left_out'), 'a blank negative prompt is none');
select is(pg_temp.kind(:'padded') ->> 'negative_prompt', 'snow', 'another one is trimmed');
select is(
    (tests.task((:'padded_prompt'::jsonb ->> 'task_id')::uuid)).prompt,
    E'  a fox\n', 'the prompt is kept as it was written'
);

select tests.configure('video_default_model', '"veo-3.1-fast"');
select tests.act_as(:'user_id');
select public.generate_video('a fox') as other_default \gset
select public.generate_video('a fox', model => 'veo-3.1') as named \gset
select tests.stop_acting();
select is(pg_temp.kind(:'other_default') ->> 'model', 'veo-3.1-fast', 'the default model is a setting');
select is(pg_temp.kind(:'other_default') ->> 'cost', '40', 'with its own price');
select is(pg_temp.kind(:'named') ->> 'model', 'veo-3.1', 'a model that is named is taken');

select is(
    (
        select array_agg(distinct h.request)
        from public.video_generation_history as h
        where h.id in ((:'left_out'::jsonb ->> 'task_id')::uuid, (:'nulls'::jsonb ->> 'task_id')::uuid)
    ),
    array['{"prompt": "a fox", "duration": 8, "resolution": "720p", "aspect_ratio": "16:9"}'::jsonb],
    'and both are the same request, so that one can repeat the other'
);

select finish();
rollback;
