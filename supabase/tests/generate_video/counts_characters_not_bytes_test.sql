begin;
select plan(12);

select tests.create_rich_user(10000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');
select tests.act_as(:'user_id');

create function pg_temp.takes(p_prompt text, p_negative text default null) returns text
language sql
as $$
    select coalesce(
        tests.error_of(format('select public.generate_video(%L, negative_prompt => %L)', p_prompt, p_negative))
            #>> '{details,parameter}', 'taken'
    )
$$;

select is(pg_temp.takes(repeat('x', 500)), 'taken', '500 letters');
select is(pg_temp.takes(repeat('x', 501)), 'prompt', 'not 501');
select is(pg_temp.takes(repeat('ü', 500)), 'taken', '500 umlauts, 1000 bytes');
select is(pg_temp.takes(repeat('ü', 501)), 'prompt', 'not 501');
select is(pg_temp.takes(repeat('🦊', 500)), 'taken', '500 foxes, 2000 bytes');
select is(pg_temp.takes(repeat('🦊', 501)), 'prompt', 'not 501');
select is(pg_temp.takes(repeat('狐', 499) || '.'), 'taken', 'a mixed one of 500');
select is(pg_temp.takes('x', repeat('🦊', 500)), 'taken', 'the same goes for the negative prompt');
select is(pg_temp.takes('x', repeat('🦊', 501)), 'negative_prompt', 'not 501');
select is(pg_temp.takes(E'a fox\r\nin the "snow" \\ ''q'' %s {} <b>; drop table x; --'), 'taken', 'any characters');

select tests.stop_acting();
select tests.configure('video_prompt_max_length', '4');
select tests.act_as(:'user_id');
select is(pg_temp.takes('🦊🦊🦊🦊'), 'taken', 'the length is a setting');
select is(
    tests.error_of($$select public.generate_video('12345')$$) -> 'details',
    '{"parameter": "prompt", "allowed": {"min_length": 1, "max_length": 4}}'::jsonb, 'which the error names'
);

select finish();
rollback;
