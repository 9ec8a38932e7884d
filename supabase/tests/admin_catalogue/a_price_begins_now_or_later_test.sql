begin;
select plan(22);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user() as user_id \gset
select tests.create_video(:'user_id', 'completed') as task_id \gset
delete from private.admin_actions;

-- The USD per second of each option of a model, as the catalogue shows it.
create function pg_temp.costs(p_model text) returns jsonb
language sql
as $$
    select jsonb_object_agg(o.v ->> 'resolution' || ' ' || (o.v ->> 'duration'), o.v -> 'usd_per_second')
    from jsonb_array_elements(public.admin_list_models()) as m (v)
    cross join lateral jsonb_array_elements(m.v -> 'options') as o (v)
    where m.v ->> 'model' = p_model
$$;
grant execute on function pg_temp.costs(text) to public;

select tests.act_as(:'admin_id');
select is(
    public.admin_set_model_price('veo-3.1', 0.40, 'contract 2031') ->> 'price_checked_at',
    to_jsonb(timestamptz '2031-03-05 10:00:00+00') #>> '{}', 'a price is entered, which marks it as checked'
);
select is(
    pg_temp.costs('veo-3.1'),
    '{"720p 4": 0.4, "720p 6": 0.4, "720p 8": 0.4, "1080p 4": 0.4, "1080p 6": 0.4, "1080p 8": 0.4}'::jsonb,
    'for every option, when none is named'
);
select is(
    (public.admin_list_actions() #> '{items,0,details}') - 'changed',
    jsonb_build_object(
        'model', 'veo-3.1', 'usd_per_second', 0.4, 'valid_from', timestamptz '2031-03-05 10:00:00+00'
    ), 'with who and why'
);
select is(
    jsonb_array_length(public.admin_list_actions() #> '{items,0,details,changed}'), 6, 'and what it was before'
);
select lives_ok(
    $$select public.admin_set_model_price('veo-3.1', 0.55, 'contract 2031', '1080p')$$, 'or for one resolution'
);
select lives_ok(
    $$select public.admin_set_model_price('veo-3.1', 0.30, 'contract 2031', '720p', 4)$$, 'or for one option'
);
select is(
    pg_temp.costs('veo-3.1'),
    '{"720p 4": 0.3, "720p 6": 0.4, "720p 8": 0.4, "1080p 4": 0.55, "1080p 6": 0.55, "1080p 8": 0.55}'::jsonb,
    'a second change at the same moment replaces the first'
);

-- The cost of what was made before stays.
select tests.stop_acting();
select is((tests.call(:'task_id')).usd, 6.00, 'a clip of before costs what it cost');
select is(
    (
        select array_agg(o.usd_per_second order by o.valid_from)
        from public.video_model_options as o
        where (o.model, o.resolution, o.duration) = ('veo-3.1', '720p', 8)
    ),
    '{0.75,0.40}'::numeric[], 'as the old price is kept'
);

-- Planned.
select tests.act_as(:'admin_id');
select is(
    public.admin_set_model_price('veo-3.1', 0.20, 'from April', '720p', 8, '2031-04-01') -> 'planned_prices',
    jsonb_build_array(
        jsonb_build_object(
            'resolution', '720p', 'duration', 8, 'usd_per_second', 0.2,
            'valid_from', timestamptz '2031-04-01'
        )
    ), 'a price of later is planned'
);
select is(pg_temp.costs('veo-3.1') ->> '720p 8', '0.4', 'and not in force');
select is(
    public.admin_set_model_price('veo-3.1', 0.25, 'they changed it', '720p', 8, '2031-04-01')
    #>> '{planned_prices,0,usd_per_second}', '0.25', 'a planned price can be corrected'
);
select tests.stop_acting();
select tests.set_time('2031-04-01 00:00:00+00');
select tests.act_as(:'admin_id');
select is(pg_temp.costs('veo-3.1') ->> '720p 8', '0.25', 'until its time has come');

select public.admin_list_models() as catalogue \gset
select is(
    public.admin_set_model_price('veo-3.1', 0.25, 'looked it up', '720p', 8) ->> 'price_checked_at',
    to_jsonb(timestamptz '2031-04-01 00:00:00+00') #>> '{}', 'confirming a price marks it as checked'
);
select tests.stop_acting();
select is(
    (
        select count(*)
        from public.video_model_options as o
        where (o.model, o.resolution, o.duration) = ('veo-3.1', '720p', 8)
    ), 3::bigint, 'and adds none'
);

select tests.act_as(:'admin_id');
create function pg_temp.refused(p_arguments text) returns text
language sql
as $$
    select tests.error_of('select public.admin_set_model_price(' || p_arguments || ')') #>> '{details,parameter}'
$$;
select is(pg_temp.refused($$'veo-9', 1, 'x'$$), 'model', 'an unknown model');
select is(pg_temp.refused($$'veo-3.1', 0, 'x'$$), 'usd_per_second', 'for nothing');
select is(pg_temp.refused($$'veo-3.1', 'NaN', 'x'$$), 'usd_per_second', 'no number');
select is(pg_temp.refused($$'veo-3.1', 1, '  '$$), 'reason', 'a blank reason');
select is(pg_temp.refused($$'veo-3.1', 1, 'x', '4k'$$), 'resolution', 'a resolution it does not make');
select is(pg_temp.refused($$'veo-3.1', 1, 'x', '720p', 5$$), 'duration', 'a duration it does not make');
select is(pg_temp.refused($$'veo-3.1', 1, 'x', valid_from => '2031-03-31'$$), 'valid_from', 'a price of the past');

select tests.stop_acting();
select finish();
rollback;
