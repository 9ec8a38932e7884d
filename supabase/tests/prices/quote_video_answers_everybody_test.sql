begin;
select plan(18);

select tests.configure('video_credit_per_second', '10');
select tests.configure('video_1080p_multiplier', '1.5');
select tests.configure('video_default_model', '"veo-3.1"');
select tests.configure('video_retry_after_seconds', '33');

select tests.act_as_role('anon');
select is(
    public.quote_video(),
    '{"credit_cost": 80, "model": "veo-3.1", "duration": 8, "resolution": "720p"}'::jsonb,
    'a visitor is quoted 8 seconds of 720p by the default model'
);
select is(public.quote_video(null, null, null), public.quote_video(), 'an explicit null means the default');
select is(
    public.quote_video(4, '1080p', 'veo-3.1-fast'),
    '{"credit_cost": 30, "model": "veo-3.1-fast", "duration": 4, "resolution": "1080p"}'::jsonb,
    'and any other kind on sale'
);
select is(
    tests.error_of('select public.quote_video(5)') - 'message',
    '{"code": "invalid_parameter", "details": {"parameter": "duration", "allowed": [4, 6, 8]}, "hint": null,
      "status": 422, "headers": {}}'::jsonb,
    'a wrong duration is told which are allowed'
);
select is(
    tests.error_of($$select public.quote_video(8, '4k')$$) -> 'details',
    '{"parameter": "resolution", "allowed": ["720p", "1080p"]}'::jsonb,
    'so is a wrong resolution'
);
select is(
    tests.error_of($$select public.quote_video(model => 'veo-9')$$) -> 'details',
    '{"parameter": "model", "allowed": ["veo-3.1", "veo-3.1-fast"]}'::jsonb,
    'an unknown model is told which are on sale'
);
select is(
    tests.error_of($$select public.quote_video(model => '')$$) #>> '{details,parameter}', 'model', 'an empty one too'
);
select is(
    tests.error_of($$select public.quote_video(model => 'gemini-omni')$$) - 'message',
    '{"code": "model_unavailable", "details": {"model": "gemini-omni", "retry_after_seconds": 33}, "hint": null,
      "status": 503, "headers": {"Retry-After": "33"}}'::jsonb,
    'a model that is switched off is unavailable, not unknown'
);

select is(jsonb_array_length(public.list_video_prices()), 12, 'a visitor is shown every tier of both models on sale');
select is(
    public.list_video_prices() -> 0,
    '{"model": "veo-3.1", "duration": 4, "resolution": "720p", "credit_cost": 40}'::jsonb, 'the cheapest one first'
);

select tests.act_as_role('service_role');
select is((public.quote_video() ->> 'credit_cost')::integer, 80, 'service_role is quoted');
select is(jsonb_array_length(public.list_video_prices()), 12, 'and shown prices');
select tests.stop_acting();
select tests.create_user() as user_id \gset
select tests.act_as(:'user_id');
select is((public.quote_video() ->> 'credit_cost')::integer, 80, 'a user is quoted');
select is(jsonb_array_length(public.list_video_prices()), 12, 'and shown prices');
select tests.stop_acting();

select is(
    tests.error_of_worker('select public.quote_video()') ->> 'sqlstate', '42501', 'the worker has no business with it'
);
select is(
    tests.error_of_worker('select public.list_video_prices()') ->> 'sqlstate', '42501', 'nor with prices'
);

update public.video_models set paused_at = private.now(), pause_reason = 'test' where id = 'veo-3.1-fast';
select is(jsonb_array_length(public.list_video_prices()), 6, 'a paused model is not on sale');
update public.video_models set is_enabled = false;
select is(public.list_video_prices(), '[]'::jsonb, 'with nothing on sale the list is empty');

select finish();
rollback;
