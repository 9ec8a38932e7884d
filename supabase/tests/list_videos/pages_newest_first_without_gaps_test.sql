begin;
select plan(16);

select tests.create_rich_user(10000) as ann \gset
select tests.create_rich_user(10000) as bob \gset
select tests.configure('video_concurrent_limit', '100');

-- Twelve of hers, three and three at the same microsecond, and some of Bob's between them.
create function pg_temp.order_at(p_user_id text, p_time timestamptz, p_number integer) returns void
language plpgsql
as $$
begin
    perform tests.set_time(p_time);
    for i in 1..p_number loop
        perform tests.order_video(p_user_id::uuid);
    end loop;
end
$$;
select
    count(pg_temp.order_at(:'ann', t.time, 3)) + count(pg_temp.order_at(:'bob', t.time, 1)) as ignored
from (
    select timestamptz '2031-03-05 10:00:00.123456+00' + s * interval '1 microsecond' as time
    from generate_series(1, 4) as s
) as t \gset
create temporary table expected as
select
    h.id,
    row_number() over (order by h.created_at desc, h.id desc) as place
from public.video_generation_history as h
where h.user_id = :'ann';
grant select on table expected to authenticated;

-- All pages, one after the other, by the cursor of the one before.
create function pg_temp.walk(p_page_size integer, p_status text default null) returns text[]
language plpgsql
as $$
declare
    v_page jsonb;
    v_cursor text;
    v_ids text[] := '{}';
begin
    for v_round in 1..50 loop
        v_page := public.list_videos(p_status, v_cursor, p_page_size);
        v_ids := v_ids || array(select i ->> 'task_id' from jsonb_array_elements(v_page -> 'items') as i);
        v_cursor := v_page ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return v_ids;
end
$$;
grant execute on function pg_temp.walk(integer, text) to authenticated;

select tests.act_as(:'ann');
select array_agg(e.id::text order by e.place)::text as all_ids from expected as e \gset

select is(pg_temp.walk(100), :'all_ids'::text[], 'one page');
select is(pg_temp.walk(1), :'all_ids'::text[], 'pages of one');
select is(pg_temp.walk(2), :'all_ids'::text[], 'pages that end between ties');
select is(pg_temp.walk(5), :'all_ids'::text[], 'pages of five');
select is(pg_temp.walk(12), :'all_ids'::text[], 'a page that is exactly full');
select is(pg_temp.walk(5, 'in_progress'), :'all_ids'::text[], 'the same with a filter');
select is(pg_temp.walk(2, 'pending'), :'all_ids'::text[], 'and another one');
select is(
    jsonb_array_length(public.list_videos(page_size => 11) -> 'items'), 11, 'a page has as many as were asked for'
);
select isnt(public.list_videos(page_size => 11) -> 'next_cursor', 'null', 'and tells that there are more');
select is(public.list_videos(page_size => 12) -> 'next_cursor', 'null', 'the last page tells that it is the last');
select is(public.list_videos(null, null, null), public.list_videos(), 'an explicit null means the default');

-- What comes in meanwhile is not in later pages, and shifts none.
select public.list_videos(page_size => 5) ->> 'next_cursor' as cursor \gset
create temporary table second_page as
select jsonb_path_query_array(public.list_videos(cursor => :'cursor'), '$.items[*].task_id') as ids;
select tests.stop_acting();
select pg_temp.order_at(:'ann', '2031-03-05 11:00:00+00', 1);
select tests.act_as(:'ann');
select is(
    jsonb_path_query_array(public.list_videos(cursor => :'cursor'), '$.items[*].task_id'), s.ids,
    'a new task does not shift the next page'
)
from second_page as s;
select matches(:'cursor'::text, '^[A-Za-z0-9_-]+$', 'a cursor needs no escaping in a URL');

-- A default page.
select tests.stop_acting();
select pg_temp.order_at(:'ann', '2031-03-05 12:00:00+00', 15);
select tests.act_as(:'ann');
select is(jsonb_array_length(public.list_videos() -> 'items'), 20, 'twenty by default');
select is(cardinality(pg_temp.walk(100)), 28, 'and never one of Bob''s');

select tests.act_as(:'bob');
select public.list_videos(cursor => :'cursor') as seen_by_bob \gset
select tests.stop_acting();
select is(
    (
        select array_agg(distinct h.user_id)
        from jsonb_array_elements(:'seen_by_bob'::jsonb -> 'items') as i
        inner join public.video_generation_history as h on h.id = (i ->> 'task_id')::uuid
    ), array[:'bob'::uuid], 'her cursor shows him his own, and nothing of hers'
);

select finish();
rollback;
