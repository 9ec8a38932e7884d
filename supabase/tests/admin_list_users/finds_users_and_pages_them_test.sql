begin;
select plan(25);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user('chief@shop.example', p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(300) as rich \gset
update auth.users
set email = 'ada.lovelace@analytical.example', last_sign_in_at = '2031-03-04 08:00:00+00', created_at = '2031-01-01'
where id = :'rich';
update public.profiles set display_name = 'Countess 100%' where id = :'rich';
select tests.create_video(:'rich', 'completed') as done \gset
select tests.create_video(:'rich', 'pending') as waiting \gset
select tests.create_user('no.account@analytical.example') as no_account \gset
delete from public.credit_accounts where user_id = :'no_account';
select tests.create_user(p_is_anonymous => true) as nameless \gset
select tests.create_user('gone@analytical.example') as gone \gset
update auth.users set deleted_at = now() where id = :'gone';

create function pg_temp.found(p_search text, p_cursor text default null, p_page_size integer default null)
returns uuid[]
language sql
as $$
    select coalesce(array_agg((i.v ->> 'user_id')::uuid order by i.place), '{}')
    from jsonb_array_elements(public.admin_list_users(p_search, p_cursor, p_page_size) -> 'items')
        with ordinality as i (v, place)
$$;
grant execute on function pg_temp.found(text, text, integer) to public;

select tests.act_as(:'admin_id');
select is(
    public.admin_list_users('ada.lovelace@analytical.example') #> '{items,0}',
    jsonb_build_object(
        'user_id', :'rich', 'email', 'ada.lovelace@analytical.example', 'display_name', 'Countess 100%',
        'is_admin', false, 'created_at', timestamptz '2031-01-01', 'balance', 140, 'debt', 0, 'tasks', 2,
        'active_tasks', 1, 'last_task_at', timestamptz '2031-03-05 10:00:00+00',
        'last_sign_in_at', timestamptz '2031-03-04 08:00:00+00',
        'last_activity_at', timestamptz '2031-03-05 10:00:00+00'
    ),
    'a user is shown with balance, tasks and last activity'
);
select is(pg_temp.found(:'rich'), array[:'rich']::uuid[], 'found by id');
select is(pg_temp.found(upper(:'rich')), array[:'rich']::uuid[], 'in any case');
select is(pg_temp.found(' Ada.Lovelace@Analytical.example '), array[:'rich']::uuid[], 'by address, in any case');
select is(pg_temp.found('lovelace'), array[:'rich']::uuid[], 'by a part of the address');
select is(pg_temp.found('countess'), array[:'rich']::uuid[], 'by a part of the name');
select is(pg_temp.found('0%'), array[:'rich']::uuid[], 'a percent sign means itself');
select is(pg_temp.found('a_a'), '{}', 'and so does an underscore');
select is(pg_temp.found('\'), '{}', 'and a backslash');
select is(pg_temp.found('nobody'), '{}', 'nobody is found by what is nowhere');
select is(pg_temp.found(gen_random_uuid()::text), '{}', 'nor by an id of nobody');
select is(pg_temp.found('gone@analytical.example'), '{}', 'nor somebody who was deleted');
select is(pg_temp.found(:'gone'), '{}', 'also not by id');
select is(pg_temp.found('no.account@'), array[:'no_account']::uuid[], 'a user without an account is found');
select is(
    public.admin_list_users('no.account@') #>> '{items,0,balance}', '0', 'and has nothing'
);
select is(public.admin_list_users(:'admin_id') #>> '{items,0,is_admin}', 'true', 'an administrator is marked');
select is(
    public.admin_list_users(:'nameless') #> '{items,0,email}', 'null'::jsonb, 'an anonymous user has no address'
);
select is(pg_temp.found(''), pg_temp.found(null), 'an empty search is none');

-- Pages, of a list and of a search.
select tests.stop_acting();
select array_agg(tests.create_user('page' || n || '@many.example')) as many from generate_series(1, 5) as n \gset
-- Some came at one moment.
create temporary table arrivals as
select m.id as user_id, timestamptz '2032-01-01' - m.place / 3 * interval '1 day' as created_at
from unnest(:'many'::uuid[]) with ordinality as m (id, place);
update public.credit_accounts as a set created_at = r.created_at from arrivals as r where r.user_id = a.user_id;
update auth.users as u set created_at = r.created_at from arrivals as r where r.user_id = u.id;

create function pg_temp.all_pages(p_search text, p_pages integer) returns uuid[]
language plpgsql
as $$
declare
    v_page jsonb := public.admin_list_users(p_search, page_size => 2);
    v_found uuid[] := '{}';
begin
    for v_round in 1..p_pages loop
        v_found := v_found || array(
            select (i.v ->> 'user_id')::uuid from jsonb_array_elements(v_page -> 'items') as i (v)
        );
        exit when v_page ->> 'next_cursor' is null;
        v_page := public.admin_list_users(p_search, v_page ->> 'next_cursor', 2);
    end loop;
    return v_found;
end
$$;
grant execute on function pg_temp.all_pages(text, integer) to public;

select tests.act_as(:'admin_id');
select set_eq(
    format('select unnest(%L::uuid[])', (pg_temp.all_pages(null, 3))[1:5]), :'many'::uuid[],
    'pages of all users, the newest first, leave out nobody, also of those who came at one moment'
);
select is(
    cardinality(pg_temp.all_pages('many.example', 100)), 5, 'pages of a search neither'
);
select set_eq(
    format('select unnest(%L::uuid[])', pg_temp.all_pages('many.example', 100)), :'many'::uuid[], 'and repeat nobody'
);

select tests.throws_code($$select public.admin_list_users(cursor => 'x')$$, 'invalid_parameter', 'a bad cursor');
select tests.throws_code(
    format(
        'select public.admin_list_users(cursor => %L)',
        public.admin_list_users('many', page_size => 1) ->> 'next_cursor'
    ), 'invalid_parameter', 'the cursor of a search is none of the list'
);
select tests.throws_code(
    format('select public.admin_list_users(%L)', repeat('x', 256)), 'invalid_parameter', 'a search too long'
);
select tests.throws_code($$select public.admin_list_users(page_size => 0)$$, 'invalid_parameter', 'an empty page');

select tests.stop_acting();
select finish();
rollback;
