begin;
select plan(14);

select tests.set_time('2031-03-05 10:00:00+00');

select tests.act_as_role('anon');
select is(
    public.get_video_availability(),
    '{
        "enabled": true, "in_rollout": true, "message": null, "until": null, "prompt_max_length": 500,
        "concurrent_limit": 3, "models": [
            {"id": "veo-3.1", "display_name": "Veo 3.1", "is_default": true, "has_negative_prompt": true,
             "has_reference_image": true, "durations": [4, 6, 8], "resolutions": ["1080p", "720p"]},
            {"id": "veo-3.1-fast", "display_name": "Veo 3.1 Fast", "is_default": false, "has_negative_prompt": true,
             "has_reference_image": true, "durations": [4, 6, 8], "resolutions": ["1080p", "720p"]}
        ]
    }'::jsonb,
    'a visitor sees what is open, the limits and the models, the default first'
);
select tests.stop_acting();

select tests.configure('video_generation_enabled', 'false');
select tests.configure('video_prompt_max_length', '700');
select tests.configure('video_concurrent_limit', '5');
select tests.configure('video_default_model', '"veo-3.1-fast"');
select tests.act_as_role('anon');
select is(
    public.get_video_availability() - 'models',
    '{"enabled": false, "in_rollout": true, "message": null, "until": null, "prompt_max_length": 700,
      "concurrent_limit": 5}'::jsonb,
    'it follows the configuration'
);
select is(
    jsonb_path_query_array(public.get_video_availability(), '$.models[*].id'), '["veo-3.1-fast", "veo-3.1"]',
    'also in what is the default'
);
select tests.stop_acting();
select tests.configure('video_disabled_message', '"Back at noon."');
select tests.configure('video_disabled_until', '"2031-03-05T12:00:00Z"');
select is(
    public.get_video_availability() - array['models', 'prompt_max_length', 'concurrent_limit', 'in_rollout'],
    '{"enabled": false, "message": "Back at noon.", "until": "2031-03-05T12:00:00+00:00"}'::jsonb,
    'switched off, it says why and until when'
);
select tests.configure('video_generation_enabled', 'true');
select is(
    public.get_video_availability() - array['models', 'prompt_max_length', 'concurrent_limit', 'in_rollout'],
    '{"enabled": true, "message": null, "until": null}'::jsonb,
    'switched on, an old message is not shown'
);

-- The rollout, for a visitor and for a user.
select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as user_id \gset
select tests.configure('video_rollout_percent', '99');
select tests.act_as_role('anon');
select is(public.get_video_availability() -> 'in_rollout', 'false', 'a visitor is in when everybody is');
select tests.act_as(:'user_id');
select is(
    (public.get_video_availability() -> 'in_rollout')::boolean,
    tests.error_of($$select public.generate_video('a fox')$$) ->> 'code' = 'insufficient_credits',
    'a user is told what an order would tell him'
);
select tests.stop_acting();
select tests.configure('video_rollout_percent', '0');
select tests.act_as(:'user_id');
select is(public.get_video_availability() -> 'in_rollout', 'false', 'nobody is in at 0 %');

-- Models come and go.
select tests.stop_acting();
update public.video_models set is_enabled = true where id = 'gemini-omni';
update public.video_models set paused_at = private.now(), pause_reason = 'x' where id = 'veo-3.1';
delete from public.video_model_options where model = 'veo-3.1-fast' and (duration <> 8 or resolution <> '720p');
select is(
    jsonb_path_query_array(public.get_video_availability(), '$.models[*].id'), '["veo-3.1-fast", "gemini-omni"]',
    'what is offered is listed, what is paused is not'
);
select is(
    public.get_video_availability() #> '{models,0}',
    '{"id": "veo-3.1-fast", "display_name": "Veo 3.1 Fast", "is_default": true, "has_negative_prompt": true,
      "has_reference_image": true, "durations": [8], "resolutions": ["720p"]}',
    'with the kinds of video it makes'
);
select is(
    public.get_video_availability() #> '{models,1,has_negative_prompt}', 'false', 'and what it can do'
);
update public.video_models set is_enabled = false;
select is(public.get_video_availability() -> 'models', '[]', 'with no model the list is empty');

select tests.act_as_role('service_role');
select is(public.get_video_availability() -> 'enabled', 'true', 'service_role may ask');
select is(
    tests.error_of_worker('select public.get_video_availability()') ->> 'sqlstate', '42501',
    'the worker has no business with it'
);

select finish();
rollback;
