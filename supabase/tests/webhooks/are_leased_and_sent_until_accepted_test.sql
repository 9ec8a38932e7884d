begin;
select plan(27);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user() as user_id \gset
select tests.configure('video_webhook_url', '"https://example.com/videos"');
select tests.configure('video_alert_webhook_url', '"https://example.com/alerts"');
select tests.configure('video_webhook_attempts', '3');
select private.queue_webhook('video', 'video.completed', '{"task_id": "1"}');
select tests.advance_time('1 second');
select private.queue_webhook('alert', 'alert.raised', '{"kind": "x"}');

create function pg_temp.claim(p_slots integer default 10) returns jsonb
language sql
as $$
    select coalesce(jsonb_agg(c), '[]') from worker_api.claim_webhooks('worker-1', p_slots) as c
$$;

select is(pg_temp.claim(0), '[]', 'no slots, nothing');
select is(private.tick(), private.tick(), 'a tick looks at them too');
select pg_temp.claim(1) -> 0 as alert \gset
select is(
    :'alert'::jsonb - 'delivery_id' - 'lease_token',
    jsonb_build_object(
        'url', 'https://example.com/alerts', 'attempt', 1,
        'body', '{"data": {"kind": "x"}, "type": "alert.raised", "timestamp": "2031-03-05T10:00:01+00:00"}'
    ),
    'alerts first, with the words to sign'
);
select pg_temp.claim() -> 0 as video \gset
select is(:'video'::jsonb ->> 'url', 'https://example.com/videos', 'then videos');
select is(pg_temp.claim(), '[]', 'nothing is handed out twice');

-- Accepted.
create function pg_temp.complete(p_claim text, p_lease uuid default null) returns text
language sql
as $$
    select worker_api.complete_webhook(
        (p_claim::jsonb ->> 'delivery_id')::uuid, coalesce(p_lease, (p_claim::jsonb ->> 'lease_token')::uuid)
    ) ->> 'result'
$$;
create function pg_temp.fail(p_claim text) returns jsonb
language sql
as $$
    select worker_api.fail_webhook(
        (p_claim::jsonb ->> 'delivery_id')::uuid, (p_claim::jsonb ->> 'lease_token')::uuid, '{"status": 500}'
    )
$$;
select is(pg_temp.complete(:'alert', gen_random_uuid()), 'lease_lost', 'not with another lease');
select is(pg_temp.complete(:'alert'), 'applied', 'accepted');
select is(pg_temp.complete(:'alert'), 'already_applied', 'a lost reply is repeated');
select is(pg_temp.fail(:'alert') ->> 'result', 'lease_lost', 'and not undone');
select tests.advance_time('1 day');
select is(
    (select array_agg(c ->> 'delivery_id') from jsonb_array_elements(pg_temp.claim()) as c),
    array[:'video'::jsonb ->> 'delivery_id'], 'never sent again; one whose lease ran out is'
);
select is(pg_temp.fail(:'video') ->> 'result', 'lease_lost', 'which its first holder has lost');
select is(pg_temp.complete(:'video'), 'lease_lost', 'whatever he says');

-- Refused: later and later, with the same id and words, then given up.
update private.webhook_deliveries as d set lease_token = null, leased_by = null, attempts = 0, due_at = private.now();
select pg_temp.claim() -> 0 as first \gset
select is(:'first'::jsonb ->> 'attempt', '1', 'the first attempt');
select (pg_temp.fail(:'first') ->> 'retry_at')::timestamptz - private.now() as first_pause \gset
select ok(:'first_pause'::interval between interval '4 seconds' and interval '6 seconds', 'some five seconds later');
select is(pg_temp.claim(), '[]', 'not before');
select tests.advance_time('6 seconds');
select pg_temp.claim() -> 0 as second \gset
select is(
    :'second'::jsonb - 'attempt' - 'lease_token', :'first'::jsonb - 'attempt' - 'lease_token', 'the same id and words'
);
select (pg_temp.fail(:'second') ->> 'retry_at')::timestamptz - private.now() as second_pause \gset
select ok(
    :'second_pause'::interval between interval '16 seconds' and interval '24 seconds', 'some twenty seconds later'
);
select tests.advance_time('24 seconds');
select pg_temp.claim() -> 0 as third \gset
select is(pg_temp.fail(:'third'), '{"result": "applied", "retry_at": null}'::jsonb, 'the third is the last');
select tests.advance_time('1 day');
select results_eq(
    $$
    select a.severity, a.subject, a.occurrences, a.details -> 'error'
    from private.alerts as a
    where a.kind = 'webhook_undelivered'
    $$,
    $$values ('warning', 'video', 1, '{"status": 500}'::jsonb)$$, 'given up with an alert'
);
select is(
    (select array_agg(c ->> 'url') from jsonb_array_elements(pg_temp.claim()) as c),
    array['https://example.com/alerts'], 'it is not sent again; the alert is'
);
select is(
    (select d.last_error from private.webhook_deliveries as d where d.kind = 'video'), '{"status": 500}',
    'what the receiver said is kept'
);

-- A receiver that is switched off waits, and blocks nobody.
update private.webhook_deliveries as d set ended_at = private.now();
select tests.configure('video_alert_webhook_url', 'null');
select private.queue_webhook('alert', 'alert.raised', '{}');
select private.queue_webhook('video', 'video.failed', '{}');
select is(
    (select array_agg(c ->> 'url') from jsonb_array_elements(pg_temp.claim()) as c),
    array['https://example.com/videos'], 'without a URL there is nothing to send'
);

-- The table keeps its rules.
select tests.violates(
    $$insert into private.webhook_deliveries (kind, payload) values ('mail', '{}')$$, 'webhook_kind_is_known'
);
select tests.violates(
    'update private.webhook_deliveries set lease_token = gen_random_uuid(), leased_by = null',
    'webhook_lease_has_a_holder'
);
select tests.violates(
    'update private.webhook_deliveries set is_delivered = true, ended_at = null', 'delivered_means_ended'
);
select tests.violates('update private.webhook_deliveries set attempts = -1', 'webhook_attempts_are_never_negative');
select is(
    tests.error_of_worker($$select worker_api.claim_webhooks('worker-1', 0)$$), null, 'the worker may claim them'
);

select finish();
rollback;
