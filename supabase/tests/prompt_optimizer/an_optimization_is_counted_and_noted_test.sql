begin;
select plan(36);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_user() as ann \gset
select tests.create_user() as bob \gset
select tests.create_user() as cleo \gset

-- Begun ------------------------------------------------------------------------------------------------------------
select tests.act_as(:'ann');
select public.begin_prompt_optimization('a fox', 'video') as begun \gset
select is(
    :'begun'::jsonb - 'optimization_id', '{"model": "gemini-3.5-flash-lite", "prompt_max_length": 500}'::jsonb,
    'the server is told by which model, and how long'
);
select :'begun'::jsonb ->> 'optimization_id' as id \gset
select results_eq(
    'select id, user_id, content_type, original_prompt, prompt, model, outcome from public.prompt_optimizations',
    format(
        $$values (%L::uuid, %L::uuid, 'video', 'a fox', null, 'gemini-3.5-flash-lite', 'started')$$, :'id', :'ann'
    ), 'and its user sees that it began'
);
select is(
    tests.error_of($$select public.begin_prompt_optimization('a fox', 'sound')$$) -> 'details',
    '{"parameter": "content_type", "allowed": ["image", "video"]}'::jsonb, 'there are two kinds'
);
select tests.throws_code(
    $$select public.begin_prompt_optimization('a fox', null)$$, 'invalid_parameter', 'one is said'
);
select tests.throws_code(
    $$select public.begin_prompt_optimization(E' \n', 'image')$$, 'invalid_parameter', 'words too'
);
select tests.throws_code(
    $$select public.begin_prompt_optimization(null, 'image')$$, 'invalid_parameter', 'not nothing'
);
select lives_ok(
    format($$select public.begin_prompt_optimization(%L, 'image')$$, repeat('ä', 500)), 'up to 500 characters'
);
select is(
    tests.error_of(format($$select public.begin_prompt_optimization(%L, 'image')$$, repeat('ä', 501))) -> 'details',
    '{"parameter": "prompt", "allowed": {"min_length": 1, "max_length": 500}}'::jsonb, 'not more'
);

-- Finished ---------------------------------------------------------------------------------------------------------
select tests.act_as(:'bob');
select is(
    public.finish_prompt_optimization(:'id', 'optimized', 'stolen'), '{"recorded": false}'::jsonb,
    'nobody writes into another''s'
);
select is_empty('select from public.prompt_optimizations', 'or reads it');
select tests.act_as(:'ann');
select tests.throws_code(
    format($$select public.finish_prompt_optimization(%L, 'started')$$, :'id'), 'invalid_parameter',
    'an outcome of its kind'
);
select tests.throws_code(
    format($$select public.finish_prompt_optimization(%L, 'optimized')$$, :'id'), 'invalid_parameter',
    'optimized has a prompt'
);
select tests.throws_code(
    format($$select public.finish_prompt_optimization(%L, 'blocked', 'a fox')$$, :'id'), 'invalid_parameter',
    'another outcome has none'
);
select tests.throws_code(
    format($$select public.finish_prompt_optimization(%L, 'optimized', %L)$$, :'id', repeat('x', 501)),
    'invalid_parameter', 'a prompt that can be used'
);
select tests.stop_acting();
select tests.advance_time('2 seconds');
select tests.act_as(:'ann');
select is(
    public.finish_prompt_optimization(:'id', 'optimized', 'a fox, slowly', 'blur'), '{"recorded": true}'::jsonb, 'noted'
);
select is(
    public.finish_prompt_optimization(:'id', 'timeout'), '{"recorded": false}'::jsonb, 'once'
);
select results_eq(
    format(
        'select outcome, prompt, negative_prompt, finished_at - created_at '
        'from public.prompt_optimizations where id = %L',
        :'id'
    ), $$values ('optimized', 'a fox, slowly', 'blur', interval '2 seconds')$$, 'as its user can read'
);
select throws_ok('delete from public.prompt_optimizations', '42501', null, 'and not unmake');
select throws_ok('update public.prompt_optimizations set created_at = ''-infinity''', '42501', null, 'nor change');

-- Limits -----------------------------------------------------------------------------------------------------------
select tests.stop_acting();
select tests.configure('prompt_optimizer_per_minute', '3');
select tests.configure('prompt_optimizer_per_day', '5');
select tests.act_as(:'ann');
select lives_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, 'the third in a minute');
select is(
    tests.error_of($$select public.begin_prompt_optimization('a fox', 'video')$$) - '{message,hint}'::text[],
    '{"code": "rate_limited", "status": 429, "headers": {"Retry-After": "58"},
      "details": {"retry_after_seconds": 58}}'::jsonb,
    'the fourth waits until the first is a minute old'
);
select is((select count(*) from public.prompt_optimizations), 3::bigint, 'and leaves nothing');
select tests.act_as(:'bob');
select lives_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, 'others are not held up');
select tests.stop_acting();
select tests.advance_time('57.5 seconds');
select tests.act_as(:'ann');
select is(
    tests.error_of($$select public.begin_prompt_optimization('a fox', 'video')$$) #> '{details,retry_after_seconds}',
    '1', 'half a second is told as a whole one'
);
select tests.stop_acting();
select tests.advance_time('0.5 seconds');
select tests.act_as(:'ann');
select lives_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, 'then it is let through');
select lives_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, 'the fifth of the day');
select is(
    tests.error_of($$select public.begin_prompt_optimization('a fox', 'video')$$) #> '{details,retry_after_seconds}',
    (24 * 3600 - 60)::text::jsonb, 'the sixth waits for tomorrow, not for the minute'
);
select tests.stop_acting();
select tests.configure('prompt_optimizer_per_minute', '0');
select tests.act_as(:'cleo');
select tests.throws_code(
    $$select public.begin_prompt_optimization('a fox', 'video')$$, 'rate_limited', 'zero switches it off'
);
select tests.stop_acting();
select tests.configure('prompt_optimizer_per_minute', '1');
select tests.act_as(:'cleo');
select lives_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, 'one is the first');
select tests.throws_code(
    $$select public.begin_prompt_optimization('a fox', 'video')$$, 'rate_limited', 'and no second'
);

-- Who ---------------------------------------------------------------------------------------------------------------
select tests.act_as_role('anon');
select throws_ok($$select public.begin_prompt_optimization('a fox', 'video')$$, '42501', null, 'not a visitor');
select tests.act_as(gen_random_uuid());
select tests.throws_code(
    $$select public.begin_prompt_optimization('a fox', 'video')$$, 'not_authenticated', 'nor who was deleted'
);

-- Forgotten --------------------------------------------------------------------------------------------------------
select tests.stop_acting();
delete from auth.users where id = :'ann';
select is(
    (select count(*) from public.prompt_optimizations where user_id is null), 5::bigint,
    'the rows of a deleted user stay'
);
delete from auth.users where id in (:'bob', :'cleo');
select is_empty(
    format('select from public.prompt_optimizations as p where p::text ~ %L', 'fox|ä|blur|' || :'ann' || '|' || :'bob'),
    'without them and their words'
);
select is(
    (select count(*) from public.prompt_optimizations where model is not null), 7::bigint, 'with what was asked for it'
);
select tests.violates(
    $$update public.prompt_optimizations set negative_prompt = 'x'$$, 'text_goes_with_the_user'
);

select finish();
rollback;
