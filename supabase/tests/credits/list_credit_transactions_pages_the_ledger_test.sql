begin;
select plan(17);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(5) as bob \gset
select tests.configure('video_concurrent_limit', '100');
select tests.create_video(:'ann', 'cancelled') as task_id \gset
-- The clock of a server may be set back: the order is the ledger's, not the clock's.
select tests.set_time('2031-03-05 09:00:00+00');
select tests.create_video(:'ann', 'pending') as ignored \gset
select tests.set_time('2031-03-05 11:00:00+00');
select count(tests.create_video(:'ann', 'cancelled')) as ignored from generate_series(1, 4) \gset

select tests.act_as(:'ann');
select is(
    (public.list_credit_transactions() #> '{items,10}') - 'id',
    jsonb_build_object('task_id', :'task_id') || '{
        "type": "video_generation", "amount": -80, "balance_before": 1000, "balance_after": 920, "reason": null,
        "created_at": "2031-03-05T10:00:00+00:00"
    }',
    'a charge'
);
select is(
    (public.list_credit_transactions() #> '{items,9}') - 'id',
    jsonb_build_object('task_id', :'task_id') || '{
        "type": "video_refund", "amount": 80, "balance_before": 920, "balance_after": 1000, "reason": "cancelled",
        "created_at": "2031-03-05T10:00:00+00:00"
    }',
    'its refund, with the reason'
);
select is(
    (public.list_credit_transactions() #> '{items,11}') - array['id', 'created_at'],
    '{"type": "admin_grant", "amount": 1000, "balance_before": 0, "balance_after": 1000, "reason": "test",
      "task_id": null}'::jsonb,
    'a grant, which belongs to no task'
);
select is(jsonb_array_length(public.list_credit_transactions() -> 'items'), 12, 'all of hers, none of Bob''s');
select is(public.list_credit_transactions() -> 'next_cursor', 'null', 'on one page');
select is(public.list_credit_transactions(null, null), public.list_credit_transactions(), 'null means the default');
select is(
    (
        select bool_and((n.item ->> 'balance_before') = (n.item_before ->> 'balance_after'))
        from (
            select
                i.item,
                lead(i.item) over (order by i.place) as item_before
            from jsonb_array_elements(public.list_credit_transactions() -> 'items') with ordinality as i (item, place)
        ) as n
        where n.item_before is not null
    ), true, 'each entry begins where the one below it ended, whatever the clock said'
);

create function pg_temp.walk(p_page_size integer) returns text[]
language plpgsql
as $$
declare
    v_page jsonb;
    v_cursor text;
    v_ids text[] := '{}';
begin
    for v_round in 1..20 loop
        v_page := public.list_credit_transactions(v_cursor, p_page_size);
        v_ids := v_ids || array(select i ->> 'id' from jsonb_array_elements(v_page -> 'items') as i);
        v_cursor := v_page ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return v_ids;
end
$$;
select is(pg_temp.walk(1), pg_temp.walk(100), 'pages of one');
select is(pg_temp.walk(5), pg_temp.walk(100), 'pages of five');
select is(pg_temp.walk(12), pg_temp.walk(100), 'a page that is exactly full');
select is(cardinality(pg_temp.walk(5)), 12, 'nothing twice, nothing left out');

select public.list_credit_transactions(page_size => 3) ->> 'next_cursor' as cursor \gset
select tests.act_as(:'bob');
select is(jsonb_array_length(public.list_credit_transactions() -> 'items'), 1, 'Bob sees his one entry');
select tests.throws_code(
    format('select public.list_credit_transactions(%L)', :'cursor'), 'invalid_parameter',
    'and her cursor names no entry of his'
);
select is(
    tests.error_of(format('select public.list_credit_transactions(%L)', :'cursor')) #>> '{details,parameter}',
    'cursor', 'which the error says'
);

select tests.act_as_role('anon');
select throws_ok('select public.list_credit_transactions()', '42501', null, 'a visitor may not ask');
select tests.act_as_role('service_role');
select throws_ok('select public.list_credit_transactions()', '42501', null, 'service_role is nobody in particular');
select is(
    tests.error_of_worker('select public.list_credit_transactions()') ->> 'sqlstate', '42501', 'nor the worker'
);

select finish();
rollback;
