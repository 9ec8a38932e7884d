-- The plans, by what they read: with 2,000 users, 5,000 tasks and actions, no list reads a table from end to end, and
-- none reads many times the rows it shows.
begin;
select plan(13);

select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user() as user_id \gset
insert into auth.users (id, aud, role, email)
select gen_random_uuid(), 'authenticated', 'authenticated', 'plan' || n || '@example.com'
from generate_series(1, 2000) as n;
update public.credit_accounts as a set created_at = a.created_at - random() * interval '300 days'
where a.user_id <> :'user_id';

-- Free tasks need no ledger. A tenth is the user's, the rest are everybody's.
insert into public.video_generation_history (
    account_id, user_id, prompt, aspect_ratio, resolution, duration, model, request, credit_cost, created_at
)
with others as (
    select c.user_id, row_number() over () as place from public.credit_accounts as c where c.user_id <> :'user_id'
)

select
    a.id, a.user_id, 'a fox', '16:9', '720p', 8, 'veo-3.1', '{}', 0, private.now() - n * interval '1 hour'
from generate_series(1, 5000) as n
inner join others as o on o.place = n % 1000 + 1
inner join public.credit_accounts as a on a.user_id = case when n % 10 = 0 then :'user_id' else o.user_id end;
insert into private.provider_calls (
    task_id, attempt, model, provider, provider_model, output_prefix, usd, day, created_at
)
select h.id, 1, h.model, 'vertex', 'x', h.id::text, 1, h.created_at::date, h.created_at
from public.video_generation_history as h;
insert into private.admin_actions (actor, action, user_id, task_id)
select 'operator', 'x', h.user_id, h.id from public.video_generation_history as h;
insert into private.system_config_changes (key, changed_by)
select 'key ' || n % 10, 'x' from generate_series(1, 5000) as n;
select (array_agg(h.id))[1] as task_id from public.video_generation_history as h where h.user_id = :'user_id' \gset
analyze public.credit_accounts, public.profiles, public.video_generation_history;
analyze private.provider_calls, private.admin_actions, private.system_config_changes;

-- Rows that this statement reads: of big tables by reading all of them, and of any by an index.
create function pg_temp.reads(p_sql text, out by_scan bigint, out by_index bigint)
language plpgsql
as $$
declare
    v_before record;
    v_after record;
    v_query text := '
        select
            sum(s.seq_tup_read) filter (
                where s.relname in (
                    ''users'', ''profiles'', ''credit_accounts'', ''video_generation_history'', ''provider_calls'',
                    ''admin_actions'', ''system_config_changes''
                )
            ) as scanned,
            sum(s.idx_tup_fetch) as fetched
        from pg_stat_xact_all_tables as s
        where s.schemaname in (''public'', ''private'', ''auth'')';
begin
    execute v_query into v_before;
    execute p_sql;
    execute v_query into v_after;
    by_scan := v_after.scanned - v_before.scanned;
    by_index := v_after.fetched - v_before.fetched;
end
$$;

select tests.act_as(:'admin_id');
select public.admin_list_users(page_size => 50) ->> 'next_cursor' as users_cursor \gset
select public.admin_list_user_videos(:'user_id', page_size => 50) ->> 'next_cursor' as videos_cursor \gset
select tests.stop_acting();
select set_config(
    'request.jwt.claims', jsonb_build_object('sub', :'admin_id', 'role', 'authenticated')::text, true
) as ignored \gset

select is(
    (pg_temp.reads('select count(*) from public.video_generation_history')).by_scan > 4999, true,
    'what is read from end to end is noticed'
);

create temporary table lists as
select l.name, r.by_scan, r.by_index, l.most
from (
    values
    ('users', 'select public.admin_list_users()', 1000),
    ('users, a later page', format('select public.admin_list_users(cursor => %L)', :'users_cursor'), 1000),
    ('users by id', format('select public.admin_list_users(%L)', :'admin_id'), 30),
    ('users by address', 'select public.admin_list_users(''plan77@example.com'')', 30),
    ('a user''s videos', format('select public.admin_list_user_videos(%L)', :'user_id'), 400),
    (
        'a user''s videos, a later page',
        format('select public.admin_list_user_videos(%L, cursor => %L)', :'user_id', :'videos_cursor'), 400
    ),
    ('one video', format('select public.admin_get_video(%L)', :'task_id'), 600),
    ('actions', 'select public.admin_list_actions()', 100),
    ('actions about a task', format('select public.admin_list_actions(task_id => %L)', :'task_id'), 100),
    ('actions about a user', format('select public.admin_list_actions(%L)', :'user_id'), 300),
    ('changes of one key', 'select public.admin_list_config_changes(''key 7'')', 100),
    ('a day', 'select public.admin_get_dashboard(current_date - 3, current_date - 3)', 500)
) as l (name, statement, most)
cross join lateral pg_temp.reads(l.statement) as r;

select is(
    jsonb_build_object('scanned', l.by_scan, 'too many', case when l.by_index > l.most then l.by_index end),
    '{"scanned": 0, "too many": null}'::jsonb, l.name
)
from lists as l;

select finish();
rollback;
