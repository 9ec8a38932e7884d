begin;
select plan(16);

select tests.set_time('2031-03-05 10:00:00+00');
delete from private.alerts;
delete from private.admin_actions;
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_user(p_app_metadata => '{"role": "admin"}') as second_admin \gset
select private.raise_alert('late_result', 'warning', 'a', '{"attempt": 1}');
select private.raise_alert('ledger_mismatch', 'critical', 'b');
select private.raise_alert('price_not_checked', 'info', 'c');
select private.raise_alert('late_result', 'warning', 'a', '{"attempt": 2}');
select id as late_id from private.alerts where subject = 'a' \gset

create function pg_temp.subjects(p_page jsonb) returns text
language sql
as $$
    select string_agg(i.value ->> 'subject', '' order by i.place)
    from jsonb_array_elements(p_page -> 'items') with ordinality as i (value, place)
$$;
grant execute on function pg_temp.subjects(jsonb) to public;

select tests.act_as(:'admin_id');
select is(pg_temp.subjects(public.admin_list_alerts()), 'cba', 'newest first');
select is(
    (public.admin_list_alerts('warning') #> '{items,0}') - 'id',
    '{"kind": "late_result", "severity": "warning", "subject": "a", "details": {"attempt": 2}, "occurrences": 2,
      "first_seen_at": "2031-03-05T10:00:00+00:00", "last_seen_at": "2031-03-05T10:00:00+00:00",
      "acknowledged_at": null, "acknowledged_by": null}'::jsonb, 'of one severity; a repeat counts up'
);
select public.admin_list_alerts(page_size => 2) as page \gset
select is(pg_temp.subjects(:'page'), 'cb', 'a page');
select is(
    pg_temp.subjects(public.admin_list_alerts(cursor => :'page'::jsonb ->> 'next_cursor')), 'a', 'and the next'
);
select is(
    public.admin_list_alerts(cursor => :'page'::jsonb ->> 'next_cursor') -> 'next_cursor', 'null', 'which is the last'
);

-- Acknowledged -------------------------------------------------------------------------------------------------------
select is(
    public.admin_acknowledge_alert(:late_id) ->> 'acknowledged_by', 'admin:' || :'admin_id', 'somebody has seen it'
);
select is(pg_temp.subjects(public.admin_list_alerts()), 'cb', 'it is off the list');
select is(
    pg_temp.subjects(public.admin_list_alerts(include_acknowledged => true)), 'cba', 'unless one asks for all'
);
select tests.act_as(:'second_admin');
select is(
    public.admin_acknowledge_alert(:late_id) ->> 'acknowledged_by', 'admin:' || :'admin_id',
    'repeating it leaves the first name'
);
select tests.stop_acting();
select is(
    (select jsonb_agg(to_jsonb(c) - 'id' - 'created_at') from private.admin_actions as c),
    jsonb_build_array(jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'acknowledge_alert', 'user_id', null, 'task_id', null,
        'details', jsonb_build_object('alert', :late_id, 'kind', 'late_result', 'subject', 'a'), 'reason', null
    )), 'and the list of what administrators did has one row'
);
select private.raise_alert('late_result', 'warning', 'a', '{}');
select is((select count(*) from private.alerts where subject = 'a'), 2::bigint, 'happening again is a new alert');

-- What lasts ---------------------------------------------------------------------------------------------------------
select private.note_condition('queue_late', 'warning', 'queue', '{"jobs": 1}');
select tests.act_as(:'admin_id');
select public.admin_acknowledge_alert((select (public.admin_list_alerts() #>> '{items,0,id}')::bigint));
select tests.stop_acting();
select tests.advance_time('59 minutes');
select private.note_condition('queue_late', 'warning', 'queue', '{"jobs": 2}');
select is(
    (select jsonb_agg(jsonb_build_array(occurrences, details)) from private.alerts where kind = 'queue_late'),
    '[[2, {"jobs": 2}]]', 'a condition that lasts stays one alert, although it was acknowledged'
);
select tests.advance_time('1 hour');
select private.note_condition('queue_late', 'warning', 'queue', '{"jobs": 3}');
select is(
    (select count(*) from private.alerts where kind = 'queue_late'), 2::bigint, 'one that was away for an hour is new'
);

-- Errors -------------------------------------------------------------------------------------------------------------
select tests.act_as(:'admin_id');
select is(
    jsonb_build_array(
        tests.error_of('select public.admin_list_alerts(''loud'')') -> 'details',
        tests.error_of('select public.admin_list_alerts(page_size => 0)') #> '{details,parameter}',
        tests.error_of('select public.admin_list_alerts(cursor => ''x'')') #> '{details,parameter}'
    ), '[{"parameter": "severity", "allowed": ["info", "warning", "critical"]}, "page_size", "cursor"]',
    'another severity, size or cursor'
);
select tests.throws_code('select public.admin_acknowledge_alert(-1)', 'alert_not_found');
select tests.throws_code('select public.admin_acknowledge_alert(null)', 'alert_not_found', 'no alert at all');
select tests.stop_acting();

select finish();
rollback;
