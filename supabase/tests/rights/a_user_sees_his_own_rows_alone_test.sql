-- Every relation a user can read, with rows of two users in each: the list comes from the catalogue, so a table that
-- is granted later and forgotten here fails the first test.
begin;
select plan(24);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select count(tests.create_video(u.id, 'completed')) as ignored
from unnest(array[:'ann', :'bob']::uuid[]) as u (id) \gset
insert into public.image_generation_history (user_id, bucket, path, deleted_at) values
(:'ann', 'reference-images', :'ann' || '/1.png', null),
(:'bob', 'reference-images', :'bob' || '/1.png', null),
(:'bob', 'reference-images', :'bob' || '/2.png', private.now());
insert into public.video_ratings (task_id, stars) select h.id, 3 from public.video_generation_history as h;
insert into public.payments (account_id, provider)
select a.id, 'acme' from public.credit_accounts as a where a.user_id in (:'ann', :'bob');

insert into public.prompt_optimizations (user_id, content_type, original_prompt, model)
select u.id, 'image', 'a fox', 'm' from unnest(array[:'ann', :'bob']::uuid[]) as u (id);

select set_eq(
    $$
    select c.oid::regclass::text
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'f', 'p')
        and has_any_column_privilege('authenticated', c.oid, 'select')
    $$,
    array[
        'profiles', 'credit_accounts', 'credit_transactions', 'video_generation_history', 'videos',
        'image_generation_history', 'video_ratings', 'payments', 'prompt_optimizations'
    ], 'all of them are looked at here'
);

-- For each: Ann sees some rows, all of them hers; without an owner in the row, of her account.
select tests.act_as(:'ann');
select is((select array_agg(id) from public.profiles), array[:'ann'::uuid], 'one profile, hers');
select is((select array_agg(user_id) from public.credit_accounts), array[:'ann'::uuid], 'one account, hers');
select is(
    (select count(*) from public.credit_transactions), 2::bigint, 'her two entries'
);
select is_empty(
    'select from public.credit_transactions where account_id not in (select id from public.credit_accounts)',
    'which are of her account'
);
select is((select array_agg(user_id) from public.video_generation_history), array[:'ann'::uuid], 'one task, hers');
select is((select array_agg(user_id) from public.videos), array[:'ann'::uuid], 'the same by the view');
select is((select array_agg(user_id) from public.image_generation_history), array[:'ann'::uuid], 'one image, hers');
select is(
    (select array_agg(task_id) from public.video_ratings), array(select id from public.videos), 'one rating, of it'
);
select is((select count(*) from public.payments), 1::bigint, 'one payment, hers');
select is((select array_agg(user_id) from public.prompt_optimizations), array[:'ann'::uuid], 'one optimization, hers');
select tests.act_as(:'bob');
select is(
    (select array_agg(path) from public.image_generation_history), array[:'bob' || '/1.png'],
    'Bob''s deleted image is not shown to himself'
);

-- By filter, count and join Ann finds nothing of Bob's.
select tests.act_as(:'ann');
select is_empty(format('select from public.profiles where id = %L', :'bob'), 'no profile by id');
select is_empty(format('select from public.credit_accounts where user_id = %L', :'bob'), 'no account');
select is_empty(format('select from public.video_generation_history where user_id = %L', :'bob'), 'no task');
select is_empty(format('select from public.videos where user_id = %L', :'bob'), 'no video');
select is_empty(format('select from public.image_generation_history where user_id = %L', :'bob'), 'no image');
select is_empty(
    'select from public.payments where account_id not in (select id from public.credit_accounts)', 'no payment'
);
select is_empty(
    format('select from public.prompt_optimizations where user_id = %L', :'bob'), 'no optimization'
);

-- Tokens that are not Ann's, whatever they say.
create function pg_temp.rows_seen() returns bigint
language sql
as $$
    select
        (select count(*) from public.profiles) + (select count(*) from public.credit_accounts)
        + (select count(*) from public.credit_transactions) + (select count(*) from public.video_generation_history)
        + (select count(*) from public.image_generation_history) + (select count(*) from public.video_ratings)
        + (select count(*) from public.payments)
        + (select count(*) from public.prompt_optimizations)
$$;
grant execute on function pg_temp.rows_seen() to authenticated;
select tests.act_as(gen_random_uuid());
select is(pg_temp.rows_seen(), 0::bigint, 'a user without rows sees none');
select tests.act_as(
    gen_random_uuid(), jsonb_build_object('user_metadata', jsonb_build_object('sub', :'ann', 'user_id', :'ann'))
);
select is(pg_temp.rows_seen(), 0::bigint, 'metadata makes nobody Ann');
select tests.act_as(gen_random_uuid(), '{"app_metadata": {"role": "admin"}}');
select is(pg_temp.rows_seen(), 0::bigint, 'nor does an administrator see more over REST');
select tests.act_as(gen_random_uuid(), '{"role": "service_role"}');
select is(pg_temp.rows_seen(), 0::bigint, 'the role that counts is the one the session has');
select tests.act_as_role('authenticated');
select is(pg_temp.rows_seen(), 0::bigint, 'a token without a user sees nothing');

select finish();
rollback;
