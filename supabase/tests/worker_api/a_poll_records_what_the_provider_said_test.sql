-- Running and unavailable are no verdict; succeeded leads to the transfer; the deadline ends the wait.
begin;
select plan(25);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'poll') as lease \gset

select is(
    worker_api.record_poll(:'task', :'lease', 'running', '{}'),
    jsonb_build_object(
        'result', 'applied', 'status', 'processing', 'retry_at', '2030-01-01T12:00:10+00:00'::timestamptz
    ),
    'a running task is polled again after the interval'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).lease_token)::text,
    row('poll', '2030-01-01 12:00:10+00'::timestamptz, null::uuid)::text, 'by anybody'
);
select is((tests.job(:'task')).deadline_at, '2030-01-01 12:15:00+00', 'polling does not move the deadline');
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'running', '{}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "processing", "stage": "poll"}', 'repeating it is fine'
);
select tests.configure('video_poll_interval_seconds', '3');
select is(
    worker_api.record_poll(:'task', tests.claim(:'task'), 'unavailable', '{}') ->> 'retry_at',
    '2030-01-01T12:00:03+00:00', 'an unavailable provider is asked again, after the configured interval'
);

-- What a poll cannot bring -------------------------------------------------------------------------------------------
select tests.claim(:'task') as lease \gset
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'what was accepted is not missing'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'done', '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'another word is no outcome'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, null, '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'nor is none'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'succeeded', '{}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'a success says where the clip is'
);
select tests.changes_nothing(
    :'task',
    format($$select worker_api.record_poll(%L, %L, 'succeeded', '{"google_video_url": ""}')$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'with a place that is not empty'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'succeeded', null)$$, :'task', :'lease'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'and with a detail'
);

-- Success ------------------------------------------------------------------------------------------------------------
select tests.advance_time('1 minute');
select is(
    worker_api.record_poll(
        :'task', :'lease', 'succeeded', '{"google_video_url": "gs://clips/1.mp4", "support_codes": []}'
    ),
    jsonb_build_object('result', 'applied', 'status', 'downloading', 'retry_at', private.now()),
    'a finished clip is to be transferred at once'
);
select is(
    row(
        (tests.task(:'task')).status, (tests.task(:'task')).google_video_url, (tests.task(:'task')).operation_id
    )::text,
    row('downloading', 'gs://clips/1.mp4', 'operations/' || :'task')::text, 'the task is downloading'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).deadline_at)::text,
    row('transfer', private.now(), private.now() + interval '48 hours')::text, 'for as long as the provider keeps it'
);
select is((tests.call(:'task')).outcome, 'succeeded', 'the call succeeded');
select is((tests.call(:'task')).ended_at, private.now(), 'and is over');
select is(tests.spend_today(), 6.00, 'its USD stay booked');
select tests.changes_nothing(
    :'task',
    format($$select worker_api.record_poll(%L, %L, 'succeeded', '{"google_video_url": "gs://x"}')$$, :'task', :'lease'),
    '{"result": "already_applied", "status": "downloading", "stage": "transfer"}', 'repeating it is fine'
);

-- The deadline -------------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as slow \gset
select tests.bring_to(:'slow', 'poll') as lease \gset
select tests.advance_time('15 minutes');
select is(
    worker_api.record_poll(:'slow', :'lease', 'running', '{}') ->> 'status', 'processing',
    'at the deadline it still runs'
);
select tests.claim(:'slow') as lease \gset
select tests.advance_time('1 millisecond');
select is(
    worker_api.record_poll(:'slow', :'lease', 'unavailable', '{"code": "503"}'),
    '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb, 'after it the task ends'
);
select is((tests.task(:'slow')).error_code, 'timeout', 'with a timeout');
select is(tests.refunds_of(:'slow'), '{80}', 'its credits are back, once');
select is(
    row((tests.call(:'slow')).outcome, (tests.call(:'slow')).usd, (tests.call(:'slow')).detail)::text,
    row('abandoned', 6.00, '{"code": "503"}'::jsonb)::text, 'the call is abandoned, and paid'
);
select tests.changes_nothing(
    :'slow', format($$select worker_api.record_poll(%L, %L, 'unavailable', '{}')$$, :'slow', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'repeating it refunds nothing more'
);

select tests.order_video(:'user_id') as punctual \gset
select tests.bring_to(:'punctual', 'poll') as lease \gset
select tests.advance_time('1 hour');
select is(
    worker_api.record_poll(:'punctual', :'lease', 'succeeded', '{"google_video_url": "gs://clips/2.mp4"}') ->> 'status',
    'downloading', 'a clip that is finished is taken, also after the deadline'
);

select finish();
rollback;
