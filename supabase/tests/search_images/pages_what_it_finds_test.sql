begin;
select plan(14);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
-- Every third is a fox, every hundredth is rare, every one has a number.
insert into public.image_generation_history (user_id, prompt, bucket, path, created_at)
select
    u.user_id::uuid,
    concat_ws(' ', case when n % 3 = 0 then 'fox' end, case when n % 100 = 0 then 'rare' end, 'number', n),
    'host-app', u.user_id || n, '2031-03-05 10:00:00+00'::timestamptz - n / 2 * interval '1 minute'
from generate_series(1, 1200) as n
cross join (values (:'ann'), (:'bob')) as u (user_id);
analyze public.image_generation_history;

create function pg_temp.walk(p_search text, p_page_size integer) returns text[]
language plpgsql
as $$
declare
    v_page jsonb;
    v_cursor text;
    v_ids text[] := '{}';
begin
    for v_round in 1..200 loop
        v_page := public.search_images(p_search, v_cursor, p_page_size);
        v_ids := v_ids || array(select i ->> 'id' from jsonb_array_elements(v_page -> 'items') as i);
        v_cursor := v_page ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return v_ids;
end
$$;
grant execute on function pg_temp.walk(text, integer) to authenticated;

create function pg_temp.expected(p_user_id text, p_like text) returns text[]
language sql
as $$
    select array_agg(i.id::text order by i.created_at desc, i.id desc)
    from public.image_generation_history as i
    where i.user_id = p_user_id::uuid and i.prompt like p_like
$$;

select pg_temp.expected(:'ann', '%fox%')::text as foxes, pg_temp.expected(:'ann', '%rare%')::text as rare \gset
select pg_temp.expected(:'ann', '%')::text as all_of_them \gset

select tests.act_as(:'ann');
select is(pg_temp.walk('fox', 100), :'foxes'::text[], 'four hundred of twelve hundred, by a hundred');
select is(pg_temp.walk('fox', 33), :'foxes'::text[], 'by thirty-three, which ends between ties');
select is(pg_temp.walk('rare', 5), :'rare'::text[], 'a rare word');
select is(pg_temp.walk('rare', 12), :'rare'::text[], 'a page that is exactly full');
select is(pg_temp.walk('rare', 1), :'rare'::text[], 'pages of one');
select is(pg_temp.walk(null, 100), :'all_of_them'::text[], 'no search is all images');
select is(pg_temp.walk('  ', 100), :'all_of_them'::text[], 'and so is a blank one');
select is(jsonb_array_length(public.search_images('fox') -> 'items'), 20, 'twenty by default');
select is(public.search_images('nowhere'), '{"items": [], "next_cursor": null}'::jsonb, 'nothing is an empty page');
select is(
    (
        select array_agg(k order by k)
        from jsonb_object_keys(public.search_images('rare', page_size => 1) #> '{items,0}') as k
    ),
    '{bucket,created_at,height,id,path,prompt,width}'::text[], 'an item has what an image has'
);
select tests.throws_code(format('select public.search_images(%L)', repeat('x', 201)), 'invalid_parameter');
select tests.throws_code($$select public.search_images('x', 'nonsense')$$, 'invalid_parameter');
select tests.throws_code($$select public.search_images('x', null, 0)$$, 'invalid_parameter');
select tests.act_as_role('anon');
select throws_ok(
    'select public.search_images()', '42501', 'permission denied for function search_images',
    'signed out nobody can call it'
);
select tests.stop_acting();

select finish();
rollback;
