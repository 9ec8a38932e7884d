begin;
select plan(16);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(10000) as user_id \gset
create temporary table who as select :'user_id'::uuid as id;

-- 18 tasks of six prices and three durations, three at each moment.
do $$
begin
    for v_n in 0..17 loop
        perform tests.order_video_of(
            (select id from who), (array[4, 6, 8])[v_n % 3 + 1], (array['720p', '1080p'])[v_n / 3 % 2 + 1]
        );
        if v_n % 3 = 2 then
            perform tests.advance_time('1 minute');
        end if;
    end loop;
    perform tests.create_video((select id from who), s.status)
    from unnest(array['completed', 'failed', 'cancelled', 'processing', 'downloading']) as s (status);
end
$$;
select tests.create_rich_user() as stranger \gset
select tests.create_video(:'stranger', 'pending') as ignored \gset

-- All pages of a list, one after the other, as ids.
create function pg_temp.all_pages(p_sort text, p_status text default null, p_page_size integer default 4) returns uuid[]
language plpgsql
as $$
declare
    v_page jsonb;
    v_found uuid[] := '{}';
begin
    for v_round in 1..50 loop
        v_page := public.admin_list_user_videos(
            (select id from who), p_status, p_sort, v_page ->> 'next_cursor', p_page_size
        );
        v_found := v_found || array(
            select (i.v ->> 'task_id')::uuid from jsonb_array_elements(v_page -> 'items') with ordinality as i (v, place)
            order by i.place
        );
        exit when v_page ->> 'next_cursor' is null;
    end loop;
    return v_found;
end
$$;
grant execute on function pg_temp.all_pages(text, text, integer) to public;
grant select on who to public;

-- What they should be.
create function pg_temp.expected(p_order text) returns uuid[]
language plpgsql
as $$
declare
    v_ids uuid[];
begin
    execute format(
        'select array_agg(h.id order by %s) from public.video_generation_history as h where h.user_id = $1', p_order
    ) into v_ids using (select id from who);
    return v_ids;
end
$$;
create temporary table expected as
select
    s.sort,
    pg_temp.expected(s.expression || ' ' || s.direction || ', h.id ' || s.direction) as ids
from (
    values
    ('created_at.desc', 'h.created_at', 'desc'),
    ('created_at.asc', 'h.created_at', 'asc'),
    ('credit_cost', 'h.credit_cost', 'desc'),
    ('credit_cost.asc', 'h.credit_cost', 'asc'),
    ('duration.desc', 'h.duration', 'desc'),
    ('duration.asc', 'h.duration', 'asc'),
    ('file_size_bytes.desc', 'coalesce(h.file_size_bytes, 0)', 'desc'),
    ('retry_count.asc', 'h.retry_count', 'asc')
) as s (sort, expression, direction);
grant select on expected to public;

select tests.act_as(:'admin_id');
select is(cardinality(pg_temp.all_pages(null)), 23, 'all tasks of the user, and nobody else''s');
select is(pg_temp.all_pages(null), (select e.ids from expected as e where e.sort = 'created_at.desc'), 'newest first');
select is_empty(
    'select e.sort, pg_temp.all_pages(e.sort), e.ids from expected as e where pg_temp.all_pages(e.sort) <> e.ids',
    'in each order pages repeat nothing and leave out nothing'
);
select is_empty(
    'select e.sort from expected as e where pg_temp.all_pages(e.sort, null, 100) <> e.ids', 'nor does one long page'
);
select results_eq(
    $$
    select s.status, cardinality(pg_temp.all_pages('credit_cost.asc', s.status, 2))
    from unnest(
        array['in_progress', 'pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled']
    ) as s (status)
    $$,
    $$
    values ('in_progress', 20), ('pending', 18), ('processing', 1), ('downloading', 1), ('completed', 1),
        ('failed', 1), ('cancelled', 1)
    $$,
    'filtered by status, in any order'
);

select public.admin_list_user_videos(:'user_id', 'completed') #> '{items,0}' as completed \gset
select is(
    :'completed'::jsonb
    - array['provider_calls', 'task_id', 'charge_id', 'operation_id', 'permanent_video_url', 'request'],
    jsonb_build_object(
        'user_id', :'user_id', 'status', 'completed', 'prompt', 'a red fox in the snow', 'negative_prompt', null,
        'aspect_ratio', '16:9', 'resolution', '720p', 'duration', 8, 'model', 'veo-3.1',
        'reference_image_bucket', null, 'reference_image_path', null, 'idempotency_key', null, 'credit_cost', 80,
        'refund_id', null, 'retry_of', null, 'google_video_url', 'gs://clips/1.mp4', 'thumbnail_url', null,
        'file_size_bytes', 1000, 'sha256', repeat('ab', 32), 'width', 1280, 'height', 720, 'video_duration', 8.0,
        'error', null, 'retry_count', 0, 'created_at', timestamptz '2031-03-05 10:06:00+00',
        'completed_at', timestamptz '2031-03-05 10:06:00+00', 'downloaded_at', timestamptz '2031-03-05 10:06:00+00',
        'ended_at', timestamptz '2031-03-05 10:06:00+00', 'deleted_at', null, 'refunded_credits', 0, 'usd', 6
    ),
    'an item is the whole record'
);
select is(
    (:'completed'::jsonb #> '{provider_calls,0}')
    - array['operation_id', 'output_prefix', 'detail'],
    jsonb_build_object(
        'attempt', 1, 'model', 'veo-3.1', 'provider', 'vertex', 'provider_model', 'veo-3.1-generate-001',
        'outcome', 'succeeded', 'day', '2031-03-05', 'usd', 6,
        'created_at', timestamptz '2031-03-05 10:06:00+00', 'ended_at', timestamptz '2031-03-05 10:06:00+00'
    ),
    'with each call to the provider'
);
select is(
    :'completed'::jsonb #> '{provider_calls,0,detail,google_video_url}' is not null, true, 'and what it said, raw'
);
select is(
    public.admin_list_user_videos(:'user_id', 'failed') #>> '{items,0,error,code}', 'safety_filter', 'why it failed'
);
select is(
    public.admin_list_user_videos(:'user_id', 'failed') #>> '{items,0,refunded_credits}', '80', 'and what came back'
);

select public.admin_list_user_videos(:'user_id', sort => 'duration', page_size => 1) ->> 'next_cursor' as cursor \gset
select tests.throws_code(
    format('select public.admin_list_user_videos(%L, sort => ''credit_cost'', cursor => %L)', :'user_id', :'cursor'),
    'invalid_parameter', 'a cursor of one order is none of another'
);
select tests.throws_code(
    format('select public.admin_list_user_videos(%L, sort => ''prompt; drop'')', :'user_id'), 'invalid_parameter',
    'an order there is not'
);
select tests.throws_code(
    format('select public.admin_list_user_videos(%L, sort => ''duration.up'')', :'user_id'), 'invalid_parameter',
    'a direction there is not'
);
select tests.throws_code(
    format('select public.admin_list_user_videos(%L, ''done'')', :'user_id'), 'invalid_parameter', 'an unknown status'
);
select tests.throws_code(
    format('select public.admin_list_user_videos(%L, page_size => 101)', :'user_id'), 'invalid_parameter',
    'a page too long'
);
select tests.throws_code(
    format('select public.admin_list_user_videos(%L)', gen_random_uuid()), 'user_not_found', 'somebody there is not'
);
select tests.stop_acting();

select finish();
rollback;
