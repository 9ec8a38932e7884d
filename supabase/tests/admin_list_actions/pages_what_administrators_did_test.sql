begin;
select plan(8);

select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user() as user_id \gset
select tests.create_video(:'user_id', 'pending') as task_id \gset
delete from private.admin_actions;
insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
select 'operator', 'action ' || n, case when n % 2 = 0 then :'user_id'::uuid end,
    case when n = 3 then :'task_id'::uuid end, jsonb_build_object('n', n), 'why ' || n
from generate_series(1, 5) as n;

create function pg_temp.actions(p_page jsonb) returns jsonb
language sql
as $$
    select jsonb_agg(substr(i.v ->> 'action', 8)::integer) from jsonb_array_elements(p_page -> 'items') as i (v)
$$;
grant execute on function pg_temp.actions(jsonb) to public;

select tests.act_as(:'admin_id');
select is(pg_temp.actions(public.admin_list_actions()), '[5, 4, 3, 2, 1]'::jsonb, 'newest first');
select is(pg_temp.actions(public.admin_list_actions(:'user_id')), '[4, 2]'::jsonb, 'about one user');
select is(pg_temp.actions(public.admin_list_actions(task_id => :'task_id')), '[3]'::jsonb, 'about one task');
select is(
    (public.admin_list_actions() #> '{items,2}') - array['id', 'created_at'],
    jsonb_build_object(
        'actor', 'operator', 'action', 'action 3', 'user_id', null, 'task_id', :'task_id', 'details', '{"n": 3}'::jsonb,
        'reason', 'why 3'
    ), 'who, what and why'
);
select public.admin_list_actions(page_size => 3) ->> 'next_cursor' as cursor \gset
select is(
    pg_temp.actions(public.admin_list_actions(cursor => :'cursor', page_size => 2)), '[2, 1]'::jsonb, 'the next page'
);
select is(
    public.admin_list_actions(cursor => :'cursor', page_size => 2) -> 'next_cursor', 'null'::jsonb, 'is the last one'
);
select tests.throws_code(
    format('select public.admin_list_config_changes(cursor => %L)', :'cursor'), 'invalid_parameter',
    'a cursor of one list is none of another'
);
select tests.throws_code($$select public.admin_list_actions(page_size => 0)$$, 'invalid_parameter', 'an empty page');

select tests.stop_acting();
select finish();
rollback;
