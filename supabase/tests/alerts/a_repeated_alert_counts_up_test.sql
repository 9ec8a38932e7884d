begin;
select plan(9);

select tests.set_time('2031-03-05 10:00:00+00');
select private.raise_alert('test_kind', 'warning', 'one', '{"n": 1}');
select tests.advance_time('1 hour');
select private.raise_alert('test_kind', 'critical', 'one', '{"n": 2}');
select private.raise_alert('test_kind', 'warning', 'two');

select is(
    (
        select jsonb_agg(
            jsonb_build_array(
                a.subject, a.severity, a.occurrences, a.details, a.last_seen_at - a.first_seen_at
            ) order by a.subject
        )
        from private.alerts as a
        where a.kind = 'test_kind'
    ),
    '[["one", "critical", 2, {"n": 2}, "01:00:00"], ["two", "warning", 1, {}, "00:00:00"]]'::jsonb,
    'a repeat counts up, with the latest details and severity; another subject is another alert'
);

update private.alerts
set acknowledged_at = private.now(), acknowledged_by = 'admin:x'
where kind = 'test_kind' and subject = 'one';
select private.raise_alert('test_kind', 'warning', 'one');
select is(
    (select count(*) from private.alerts where kind = 'test_kind' and subject = 'one'), 2::bigint,
    'after an acknowledgement the next one opens a new alert'
);

select throws_matching(
    $$insert into private.alerts (kind, severity, subject) values ('test_kind', 'warning', 'two')$$,
    'alerts_one_open_for_each_subject', 'a second open alert of one subject is refused'
);
select throws_matching(
    $$select private.raise_alert('test_kind', 'urgent', 'three')$$, 'alert_severity_is_known',
    'an unknown severity is refused'
);
select throws_matching(
    $$update private.alerts set acknowledged_at = private.now() where subject = 'two' and kind = 'test_kind'$$,
    'alert_acknowledgement_is_signed', 'an acknowledgement is signed'
);

select tests.act_as_role('service_role');
select throws_ok($$select * from private.alerts$$, '42501', null, 'service_role cannot read alerts');
select throws_ok(
    $$select private.raise_alert('x', 'info', 'x')$$, '42501', null, 'service_role cannot raise one'
);
select tests.act_as_role('authenticated');
select throws_ok($$select * from private.alerts$$, '42501', null, 'a user cannot read alerts');
select throws_ok(
    $$select private.raise_alert('x', 'info', 'x')$$, '42501', null, 'a user cannot raise one'
);

select finish();
rollback;
