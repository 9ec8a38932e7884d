begin;
select plan(16);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
delete from private.system_config_changes;
delete from private.admin_actions;

select tests.act_as(:'admin_id');
select is(
    public.admin_set_config('video_concurrent_limit', '5', 'Black Friday'),
    '{"key": "video_concurrent_limit", "value": 5, "old_value": 3}'::jsonb,
    'an administrator changes a value and is told what it was'
);
select is(
    public.admin_list_config() @> jsonb_build_array(
        jsonb_build_object(
            'key', 'video_concurrent_limit', 'value', 5, 'type', 'integer', 'minimum', 1, 'maximum', 1000,
            'is_nullable', false, 'description', 'Tasks one user may have running at once.',
            'updated_at', timestamptz '2031-03-05 10:00:00+00', 'updated_by', 'admin:' || :'admin_id'
        )
    ),
    true,
    'the list shows it with its range and who changed it'
);
select is(
    public.admin_set_config('video_concurrent_limit', '5', 'again') -> 'old_value', '5'::jsonb,
    'writing what is there already is fine'
);
select is(
    public.admin_set_config('video_daily_spend_cap_usd', '250.50', 'budget') -> 'value', '250.50'::jsonb,
    'a key that may be null takes a value'
);
select is(
    public.admin_set_config('video_daily_spend_cap_usd', null, 'no budget') -> 'value', 'null'::jsonb,
    'and gives it up again for an SQL null, which is how a JSON null arrives'
);
select is(
    public.admin_set_config('video_default_model', '"veo-3.1-fast"', 'cheaper') -> 'value', '"veo-3.1-fast"'::jsonb,
    'the default model is one of the catalogue'
);

select is(
    (
        select jsonb_agg(jsonb_build_array(c.v ->> 'key', c.v -> 'old_value', c.v -> 'new_value', c.v ->> 'reason'))
        from jsonb_array_elements(public.admin_list_config_changes() -> 'items') as c (v)
    ),
    '[["video_default_model", "veo-3.1", "veo-3.1-fast", "cheaper"],
      ["video_daily_spend_cap_usd", 250.50, null, "no budget"],
      ["video_daily_spend_cap_usd", null, 250.50, "budget"],
      ["video_concurrent_limit", 3, 5, "Black Friday"]]'::jsonb,
    'the history has each change, newest first, and nothing that was none'
);
select is(
    public.admin_list_config_changes('video_concurrent_limit') -> 'items' -> 0 ->> 'changed_by',
    'admin:' || :'admin_id', 'signed by the administrator'
);
select is(
    jsonb_array_length(public.admin_list_config_changes('video_daily_spend_cap_usd') -> 'items'), 2,
    'of one key if asked'
);
select is(
    jsonb_array_length(public.admin_list_config_changes('no_such_key') -> 'items'), 0, 'a key without changes has none'
);

-- Pages.
select public.admin_list_config_changes(page_size => 3) ->> 'next_cursor' as cursor \gset
select is(
    public.admin_list_config_changes(cursor => :'cursor', page_size => 3) #>> '{items,0,key}',
    'video_concurrent_limit', 'the next page goes on where the first one ended'
);
select is(
    public.admin_list_config_changes(cursor => :'cursor', page_size => 3) -> 'next_cursor', 'null'::jsonb,
    'and is the last one'
);
select is(
    (
        select
            jsonb_agg(jsonb_build_array(a.v ->> 'action', a.v #>> '{details,key}', a.v ->> 'reason', a.v ->> 'actor'))
        from jsonb_array_elements(public.admin_list_actions(page_size => 1) -> 'items') as a (v)
    ),
    jsonb_build_array(jsonb_build_array('set_config', 'video_default_model', 'cheaper', 'admin:' || :'admin_id')),
    'and every change is an action of an administrator'
);

-- The signature ends with the call.
select tests.stop_acting();
update public.system_configs set value = '7' where key = 'video_concurrent_limit';
select is(
    (select c.changed_by || coalesce(c.reason, '') from private.system_config_changes as c order by c.id desc limit 1),
    'role:' || session_user, 'what follows in the same transaction is not signed with his name'
);

-- What he switches off is off.
select tests.create_rich_user() as user_id \gset
select tests.act_as(:'admin_id');
select lives_ok(
    $$
    select
        public.admin_set_config('video_disabled_message', '"Back at noon."', 'incident 7'),
        public.admin_set_config('video_disabled_until', '"2031-03-05T12:00:00Z"', 'incident 7'),
        public.admin_set_config('video_generation_enabled', 'false', 'incident 7')
    $$, 'the kill switch, with a message and a time'
);
select tests.act_as(:'user_id');
select is(
    tests.error_of($$select public.generate_video('a fox')$$) -> 'details' ->> 'message', 'Back at noon.',
    'reaches users at once'
);

select tests.stop_acting();
select finish();
rollback;
