-- The guard of the plans: what a page reads does not grow with the history, wherever in it the page is.
begin;
select plan(32);

select tests.create_rich_user() as user_id \gset
select tests.fill_history(:'user_id', 3000, 3000, '2031-03-05 10:00:00+00');
select private.encode_cursor('2031-03-04 00:40:00+00', gen_random_uuid()) as deep \gset

create function pg_temp.cost_of(
    p_sql text,
    p_user_id text,
    out rows_read bigint,
    out full_scans bigint,
    out items integer
)
language plpgsql
as $$
declare
    v_before bigint[];
begin
    select array[sum(r.rows_read), sum(r.full_scans)] into v_before
    from unnest('{public.video_generation_history,public.image_generation_history}'::regclass[]) as t (name)
    cross join lateral tests.reads_of(t.name) as r;

    perform tests.act_as(p_user_id::uuid);
    execute 'select jsonb_array_length(' || p_sql || ' -> ''items'')' into items;
    perform tests.stop_acting();

    select sum(r.rows_read) - v_before[1], sum(r.full_scans) - v_before[2] into rows_read, full_scans
    from unnest('{public.video_generation_history,public.image_generation_history}'::regclass[]) as t (name)
    cross join lateral tests.reads_of(t.name) as r;
end
$$;

select
    is(
        format('%s: %s full scans, %s items, few rows: %s', p.call, c.full_scans, c.items, c.rows_read <= p.bound),
        format('%s: 0 full scans, %s items, few rows: t', p.call, p.items)
    )
from (
    values
    ('public.list_generations()', 20, 42),
    (format('public.list_generations(cursor => %L)', :'deep'), 20, 42),
    (format('public.list_generations(cursor => %L, page_size => 100)', :'deep'), 100, 202),
    (format('public.list_generations(''image'', %L)', :'deep'), 20, 21),
    (format('public.list_generations(''video'', %L)', :'deep'), 20, 21),
    (format('public.list_videos(cursor => %L)', :'deep'), 20, 21),
    (format('public.list_videos(''completed'', %L)', :'deep'), 20, 24),
    (format('public.list_videos(''failed'', %L)', :'deep'), 20, 21),
    (format('public.list_videos(''cancelled'', %L)', :'deep'), 0, 0),
    (format('public.list_videos(''in_progress'', %L)', :'deep'), 0, 0),
    (format('public.search_images(cursor => %L)', :'deep'), 20, 21),
    -- The newest 200, and what the index finds.
    ('public.search_images(''2999'')', 1, 202),
    ('public.search_images(''nowhere'')', 0, 202)
) as p (call, items, bound)
cross join generate_series(1, 2)
cross join lateral pg_temp.cost_of(p.call, :'user_id') as c;

-- Somebody without any, beside the largest user.
select tests.create_rich_user() as newcomer \gset
select
    is(
        format('%s of a newcomer: %s items, hardly a row: %s', p.call, c.items, c.rows_read <= 2),
        format('%s of a newcomer: 0 items, hardly a row: t', p.call)
    )
from (
    values
    ('public.list_generations()'), ('public.list_videos()'), ('public.list_videos(''completed'')'),
    ('public.list_videos(''in_progress'')'), ('public.search_images()'), ('public.search_images(''fox'')')
) as p (call)
cross join lateral pg_temp.cost_of(p.call, :'newcomer') as c;

select finish();
rollback;
