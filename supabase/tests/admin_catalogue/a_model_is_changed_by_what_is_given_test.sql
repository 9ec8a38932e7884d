begin;
select plan(19);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user() as user_id \gset
update public.video_models
set paused_at = private.now(), pause_reason = 'gone', provider_model = 'veo-old' where id = 'veo-3.1';
delete from private.admin_actions;

select tests.act_as(:'admin_id');
select is(
    (select jsonb_agg(m.v ->> 'model') from jsonb_array_elements(public.admin_list_models()) as m (v)),
    '["gemini-omni", "veo-3.1", "veo-3.1-fast"]'::jsonb, 'the catalogue, with what is not on sale'
);
select is(
    public.admin_list_models() #> '{1,options,0}',
    '{"resolution": "720p", "duration": 4, "credit_cost": 40, "usd_per_second": 0.75, "usd": 3,
      "margin_usd": 1}'::jsonb,
    'each option with its price, cost and margin'
);
select is(
    public.admin_list_models() -> 1 ->> 'is_available' || ' ' || (public.admin_list_models() -> 1 ->> 'pause_reason'),
    'false gone', 'a paused model is not available'
);

select is(
    public.admin_set_model('veo-3.1', 'new version', provider_model => 'veo-3.2-generate-001', clear_pause => true)
    - array['options', 'planned_prices'],
    '{"model": "veo-3.1", "provider": "vertex", "provider_model": "veo-3.2-generate-001", "display_name": "Veo 3.1",
      "has_negative_prompt": true, "has_reference_image": true, "credit_multiplier": 1, "is_enabled": true,
      "is_available": true, "paused_at": null, "pause_reason": null, "retires_at": null, "price_checked_at": null}'::jsonb,
    'a pause is cleared and the name at the provider changed; the rest stays'
);
select is(
    (public.admin_list_actions() #> '{items,0}') - array['id', 'created_at'],
    jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'set_model', 'user_id', null, 'task_id', null,
        'reason', 'new version',
        'details', jsonb_build_object(
            'model', 'veo-3.1',
            'old', jsonb_build_object(
                'provider_model', 'veo-old', 'pause_reason', 'gone', 'paused_at', timestamptz '2031-03-05 10:00:00+00'
            ),
            'new', jsonb_build_object('provider_model', 'veo-3.2-generate-001', 'pause_reason', null, 'paused_at', null)
        )
    ),
    'who changed what from what to what, and why'
);
select is(
    public.admin_set_model('veo-3.1', 'sale', credit_multiplier => 0.5) #> '{options,0,credit_cost}', '20'::jsonb,
    'the multiplier moves the price'
);
select is(
    public.admin_set_model('veo-3.1', 'notice', retires_at => '2031-04-01') ->> 'is_available', 'true',
    'a model that retires later is on sale until then'
);
select is(
    public.admin_set_model('veo-3.1', 'notice', retires_at => '2031-03-01') ->> 'is_available', 'false',
    'one that has retired is not'
);
select is(
    public.admin_set_model('veo-3.1', 'they stay', retires_at => 'infinity') -> 'retires_at', 'null'::jsonb,
    'infinity takes the date off'
);
select is(
    public.admin_set_model('veo-3.1', 'incident', is_enabled => false) ->> 'is_available', 'false', 'switched off'
);
select tests.act_as(:'user_id');
select tests.throws_code($$select public.generate_video('a fox', model => 'veo-3.1')$$, 'model_unavailable');

select tests.act_as(:'admin_id');
select jsonb_array_length(public.admin_list_actions() -> 'items') as actions \gset
select is(
    public.admin_set_model('veo-3.1', 'nothing', is_enabled => false, clear_pause => null) ->> 'is_enabled', 'false',
    'what is as asked already stays'
);
select is(
    jsonb_array_length(public.admin_list_actions() -> 'items'), :actions, 'and leaves no trace'
);

select tests.throws_code($$select public.admin_set_model('veo-9', 'x')$$, 'invalid_parameter', 'an unknown model');
select tests.throws_code($$select public.admin_set_model('veo-3.1', ' ')$$, 'invalid_parameter', 'a blank reason');
select tests.throws_code(
    $$select public.admin_set_model('veo-3.1', 'x', credit_multiplier => 0)$$, 'invalid_parameter', 'a gift'
);
select tests.throws_code(
    $$select public.admin_set_model('veo-3.1', 'x', credit_multiplier => 'NaN')$$, 'invalid_parameter', 'no number'
);
select tests.throws_code(
    $$select public.admin_set_model('veo-3.1', 'x', provider_model => '../x')$$, 'invalid_parameter',
    'what would leave its place in an address'
);
select tests.throws_code(
    $$select public.admin_set_model('veo-3.1', 'x', provider_model => '')$$, 'invalid_parameter', 'an empty name'
);

select tests.stop_acting();
select finish();
rollback;
