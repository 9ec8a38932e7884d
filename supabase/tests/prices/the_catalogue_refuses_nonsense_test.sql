begin;
select plan(17);

create function pg_temp.refused(p_sql text, p_constraint text) returns text
language sql
as $$
    select throws_matching(p_sql, format('"%s"', p_constraint), p_constraint)
$$;

create function pg_temp.model_with(p_columns text, p_values text) returns text
language sql
as $$
    select format(
        'insert into public.video_models (id, provider, provider_model, display_name, has_negative_prompt, '
        'has_reference_image%s) values (''test'', ''vertex'', ''x'', ''X'', true, true%s)',
        ', ' || p_columns, ', ' || p_values
    )
$$;

create function pg_temp.option_with(
    p_resolution text default '720p', p_duration integer default 8, p_usd numeric default 1,
    p_typical integer default 60, p_slow integer default 60, p_model text default 'veo-3.1'
) returns text
language sql
as $$
    select format(
        'insert into public.video_model_options (model, resolution, duration, valid_from, usd_per_second, '
        'typical_seconds, slow_seconds) values (%L, %L, %L, ''2031-01-01'', %L, %L, %L)',
        p_model, p_resolution, p_duration, p_usd, p_typical, p_slow
    )
$$;

select pg_temp.refused(
    $$update public.video_models set id = 'Veo 4' where id = 'gemini-omni'$$, 'model_id_is_a_slug'
);
select pg_temp.refused(pg_temp.model_with('credit_multiplier', '0'), 'model_multiplier_is_positive');
select pg_temp.refused(pg_temp.model_with('paused_at', 'now()'), 'model_pause_has_a_reason');
select pg_temp.refused(pg_temp.model_with('pause_reason', '''x'''), 'model_pause_has_a_reason');
select pg_temp.refused(pg_temp.option_with(p_resolution => '4k'), 'option_resolution_is_known');
select pg_temp.refused(pg_temp.option_with(p_duration => 5), 'option_duration_is_known');
select pg_temp.refused(pg_temp.option_with(p_usd => 0), 'option_cost_is_positive');
select pg_temp.refused(pg_temp.option_with(p_slow => 59), 'option_times_are_ordered');
select pg_temp.refused(pg_temp.option_with(p_typical => 0), 'option_times_are_ordered');
select pg_temp.refused(pg_temp.option_with(p_model => 'no-such'), 'video_model_options_model_fkey');
select lives_ok(pg_temp.option_with(), 'a right one is taken');
select pg_temp.refused(pg_temp.option_with(), 'video_model_options_pkey');

select is_empty(
    $$
    select m.id, r.resolution, d.duration
    from public.video_models as m
    cross join unnest(array['720p', '1080p']) as r (resolution)
    cross join unnest(array[4, 6, 8]) as d (duration)
    where not exists (
        select
        from private.current_options as o
        where (o.model, o.resolution, o.duration) = (m.id, r.resolution, d.duration)
    )
    $$,
    'every model makes every combination'
);
select is(
    (select jsonb_object_agg(m.id, m.is_enabled) from public.video_models as m),
    '{"veo-3.1": true, "veo-3.1-fast": true, "gemini-omni": false}'::jsonb,
    'a fresh project sells Veo; Omni waits for its key'
);
select is_empty(
    $$
    select o.usd
    from private.current_options as o
    where o.model = 'veo-3.1' and o.usd <> 0.75 * o.duration
    $$,
    'Veo 3.1 is booked with 0.75 USD for each second'
);

select tests.act_as_role('service_role');
select isnt_empty('select * from public.video_models', 'service_role reads the catalogue');
select throws_ok(
    $$update public.video_models set is_enabled = true$$, '42501', null, 'but does not write it'
);

select finish();
rollback;
