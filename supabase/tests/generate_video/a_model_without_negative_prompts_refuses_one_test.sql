begin;
select plan(4);

select tests.create_rich_user(1000) as user_id \gset
update public.video_models set is_enabled = true where id = 'gemini-omni';
select tests.act_as(:'user_id');

select is(
    tests.error_of($$select public.generate_video('a fox', negative_prompt => 'snow', model => 'gemini-omni')$$)
        - array['message', 'hint'],
    '{"code": "invalid_parameter", "status": 422, "headers": {},
      "details": {"parameter": "negative_prompt", "allowed": null}}'::jsonb,
    'Omni knows no negative prompt'
);
select is(
    tests.error_of($$select public.generate_video('a fox', negative_prompt => '  ', model => 'gemini-omni')$$), null,
    'a blank one is none'
);
select is(
    tests.error_of($$select public.generate_video('a fox', negative_prompt => 'snow', model => 'veo-3.1')$$), null,
    'Veo takes one'
);

-- The rule goes with the model, also when it is the default.
select tests.stop_acting();
select tests.configure('video_default_model', '"gemini-omni"');
select tests.act_as(:'user_id');
select is(
    tests.error_of($$select public.generate_video('a fox', negative_prompt => 'snow')$$) #>> '{details,parameter}',
    'negative_prompt', 'also a model that is the default'
);

select finish();
rollback;
