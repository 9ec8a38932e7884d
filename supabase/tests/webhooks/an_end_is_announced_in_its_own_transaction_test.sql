begin;
select plan(15);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(10000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');

select tests.create_video(:'user_id', 'completed') as unheard \gset
select private.raise_alert('something', 'critical', 'unheard');
select is((select count(*) from private.webhook_deliveries), 0::bigint, 'without a receiver nothing is written');

select tests.configure('video_webhook_url', '"https://example.com/videos"');
select tests.create_video(:'user_id', 'completed') as completed \gset
select tests.create_video(:'user_id', 'failed') as failed \gset
select tests.create_video(:'user_id', 'cancelled') as cancelled \gset
select count(tests.create_video(:'user_id', s.status)) as live
from (values ('pending'), ('processing'), ('downloading')) as s (status) \gset
select results_eq(
    'select d.kind, d.payload from private.webhook_deliveries as d order by d.payload ->> ''type''',
    format(
        $$
        select
            'video', jsonb_build_object(
                'type', 'video.' || s.status, 'timestamp', '2031-03-05T10:00:00+00:00'::text, 'data',
                jsonb_build_object('task_id', s.id, 'user_id', %L, 'status', s.status, 'error_code', s.error_code)
            )
        from (
            values ('cancelled', %L, null), ('completed', %L, null), ('failed', %L, 'safety_filter')
        ) as s (status, id, error_code)
        $$, :'user_id', :'cancelled', :'completed', :'failed'
    ),
    'each task that ended, once, with ids and the reason; none that is live'
);
-- An end that is rolled back takes its announcement with it.
select is(
    tests.error_of(
        format(
            'select tests.create_video(%L, ''failed'') is null, private.raise_error(''rate_limited'', '''')', :'user_id'
        )
    ) ->> 'code', 'rate_limited', 'an end that is rolled back'
);
select is((select count(*) from private.webhook_deliveries), 3::bigint, 'is not announced');

-- Alerts, from a severity on.
delete from private.webhook_deliveries;
select tests.configure('video_alert_webhook_url', '"https://example.com/alerts"');
create function pg_temp.told() returns text
language sql
as $$
    select string_agg(concat_ws(' ', d.payload #>> '{data,kind}', d.payload #>> '{data,severity}'), ', ' order by d.due_at)
    from private.webhook_deliveries as d
    where d.kind = 'alert' and d.payload ->> 'type' = 'alert.raised'
$$;
select private.raise_alert('small', 'info', 'x');
select is(pg_temp.told(), null, 'below the severity nobody is told');
select private.raise_alert('medium', 'warning', 'x', '{"a": 1}');
select is(pg_temp.told(), 'medium warning', 'at the severity somebody is');
select is(
    (select d.payload #> '{data}' #- '{alert_id}' from private.webhook_deliveries as d),
    '{"kind": "medium", "severity": "warning", "subject": "x", "details": {"a": 1}}'::jsonb, 'of what it is about'
);
select private.raise_alert('medium', 'warning', 'x');
select is((select count(*) from private.webhook_deliveries), 1::bigint, 'not again when it counts up');
select tests.advance_time('1 second');
select private.raise_alert('medium', 'critical', 'x');
select is(pg_temp.told(), 'medium warning, medium critical', 'but when it gets worse');
select private.raise_alert('medium', 'warning', 'x');
select is((select count(*) from private.webhook_deliveries), 2::bigint, 'and not when it gets better');
select tests.configure('video_alert_webhook_severity', '"critical"');
select private.raise_alert('other', 'warning', 'x');
select is((select count(*) from private.webhook_deliveries), 2::bigint, 'the severity is a setting');
select tests.configure('video_alert_webhook_severity', '"info"');
select private.raise_alert('tiny', 'info', 'x');
select is((select count(*) from private.webhook_deliveries), 3::bigint, 'down to everything');
select private.raise_alert('webhook_undelivered', 'warning', 'alert');
select is((select count(*) from private.webhook_deliveries), 3::bigint, 'a dead receiver is told nothing of itself');
select private.raise_alert('webhook_undelivered', 'warning', 'video');
select is((select count(*) from private.webhook_deliveries), 4::bigint, 'but of the other one');

-- Forgotten after a week.
select tests.advance_time('8 days');
select private.clean_up();
select is((select count(*) from private.webhook_deliveries), 0::bigint, 'after a week they are forgotten');

select finish();
rollback;
