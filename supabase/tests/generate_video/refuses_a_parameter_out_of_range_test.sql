begin;
select plan(22);

select tests.create_rich_user(1000) as user_id \gset
select tests.count_rows() as before \gset
select tests.act_as(:'user_id');

create function pg_temp.refused(p_arguments text, p_parameter text, p_allowed jsonb) returns text
language sql
as $$
    select is(
        tests.error_of(format('select public.generate_video(%s)', p_arguments)) - 'message',
        jsonb_build_object(
            'code', 'invalid_parameter', 'status', 422, 'headers', '{}'::jsonb, 'hint', null,
            'details', jsonb_build_object('parameter', p_parameter, 'allowed', p_allowed)
        ),
        p_arguments
    )
$$;

select pg_temp.refused('null', 'prompt', '{"min_length": 1, "max_length": 500}');
select pg_temp.refused($$''$$, 'prompt', '{"min_length": 1, "max_length": 500}');
select pg_temp.refused($$'   '$$, 'prompt', '{"min_length": 1, "max_length": 500}');
select pg_temp.refused($$E'\n\t\r\f\x0b '$$, 'prompt', '{"min_length": 1, "max_length": 500}');
select pg_temp.refused($$repeat('x', 501)$$, 'prompt', '{"min_length": 1, "max_length": 500}');
select pg_temp.refused(
    $$'x', negative_prompt => repeat('x', 501)$$, 'negative_prompt', '{"max_length": 500}'
);
select pg_temp.refused($$'x', duration => 0$$, 'duration', '[4, 6, 8]');
select pg_temp.refused($$'x', duration => 5$$, 'duration', '[4, 6, 8]');
select pg_temp.refused($$'x', duration => -8$$, 'duration', '[4, 6, 8]');
select pg_temp.refused($$'x', resolution => '4k'$$, 'resolution', '["720p", "1080p"]');
select pg_temp.refused($$'x', resolution => '720P'$$, 'resolution', '["720p", "1080p"]');
select pg_temp.refused($$'x', resolution => ''$$, 'resolution', '["720p", "1080p"]');
select pg_temp.refused($$'x', aspect_ratio => '1:1'$$, 'aspect_ratio', '["16:9", "9:16"]');
select pg_temp.refused($$'x', idempotency_key => ''$$, 'idempotency_key', '{"min_length": 1, "max_length": 255}');
select pg_temp.refused(
    $$'x', idempotency_key => repeat('k', 256)$$, 'idempotency_key', '{"min_length": 1, "max_length": 255}'
);
select pg_temp.refused($$'x', model => 'veo-9'$$, 'model', '["veo-3.1", "veo-3.1-fast"]');
select pg_temp.refused($$'x', model => ''$$, 'model', '["veo-3.1", "veo-3.1-fast"]');
select pg_temp.refused(
    $$'x', reference_image_path => 'a', reference_image_id => gen_random_uuid()$$, 'reference_image_id',
    '["reference_image_path", "reference_image_id"]'
);
select pg_temp.refused($$'', duration => 5, model => 'x'$$, 'prompt', '{"min_length": 1, "max_length": 500}');

select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'none of them left a row');

-- A combination that a known model does not make.
delete from public.video_model_options where model = 'veo-3.1-fast' and resolution = '1080p';
select tests.act_as(:'user_id');
select pg_temp.refused(
    $$'x', resolution => '1080p', model => 'veo-3.1-fast'$$, 'model', '["veo-3.1", "veo-3.1-fast"]'
);
select is(
    tests.error_of($$select public.generate_video('x', idempotency_key => repeat('🦊', 255))$$), null,
    'a key of 255 characters is taken, whatever they are'
);

select finish();
rollback;
