begin;
select plan(7);

select tests.create_user() as user_id \gset

create function pg_temp.image_with(p_columns text default 'prompt', p_values text default 'null') returns text
language sql
as $$
    select format(
        'insert into public.image_generation_history (user_id, bucket, path, %s) '
        'values (gen_random_uuid(), ''reference-images'', ''x/1.png'', %s)', p_columns, p_values
    )
$$;

select is(tests.constraint_of(pg_temp.image_with()), null, 'an image needs no prompt and no size');
select tests.violates(pg_temp.image_with('width, height', '0, 10'), 'image_has_a_size', 'a width of nothing');
select tests.violates(pg_temp.image_with('width, height', '10, -1'), 'image_has_a_size', 'a negative height');
select tests.violates(pg_temp.image_with('credit_cost', '-1'), 'image_cost_is_never_negative');
select tests.violates(
    pg_temp.image_with() || '; ' || pg_temp.image_with(), 'image_is_recorded_once', 'the same object twice'
);

select tests.act_as(:'user_id');
select throws_ok(
    format(
        $$insert into public.image_generation_history (user_id, bucket, path) values (%L, 'videos', 'x')$$, :'user_id'
    ), '42501', null, 'a user writes no image by himself'
);
select tests.act_as_role('service_role');
select throws_ok(
    $$insert into public.image_generation_history (user_id, bucket, path) values (gen_random_uuid(), 'videos', 'x')$$,
    '42501', null, 'nor does service_role'
);

select finish();
rollback;
