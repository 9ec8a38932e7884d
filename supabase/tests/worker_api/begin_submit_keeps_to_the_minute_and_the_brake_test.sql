-- Create calls are limited in each minute for each model, and all stop while the provider asks for a pause.
begin;
select plan(19);

select tests.set_time('2030-01-01 12:00:30+00');
delete from private.daily_spend;
delete from private.model_brakes;
select tests.configure('video_concurrent_limit', '100');
select tests.configure('video_submit_per_minute', '2');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as a \gset
select tests.order_video(:'user_id') as b \gset
select tests.order_video(:'user_id') as c \gset
select tests.order_video_of(:'user_id', 4, '720p', 'veo-3.1-fast') as other_model \gset
select tests.bring_to(:'a', 'submitting');
select tests.bring_to(:'b', 'submitting');

select tests.claim(:'c') as lease \gset
select worker_api.begin_submit(:'c', :'lease') as answer \gset
select is(
    :'answer'::jsonb - 'retry_at', '{"result": "applied", "submit": false, "reason": "throttled"}'::jsonb,
    'the third call of a minute that takes two is put off'
);
select ok(
    (:'answer'::jsonb ->> 'retry_at')::timestamptz between '2030-01-01 12:01:00+00' and '2030-01-01 12:01:05+00',
    'into the next minute, a little apart'
);
select is((tests.job(:'c')).due_at, (:'answer'::jsonb ->> 'retry_at')::timestamptz, 'when the job is due again');
select is(
    row((tests.job(:'c')).stage, (tests.job(:'c')).lease_token, (tests.job(:'c')).submit_attempt)::text,
    row('submit', null::uuid, 0)::text, 'nobody holds it, and no attempt is counted'
);
select is((tests.job(:'c')).deadline_at, '2030-01-01 12:30:30+00', 'its deadline stays');
select is(tests.call(:'c'), null, 'nothing is in the books');
select is(tests.spend_today(), 12.00, 'nor booked');
select is((tests.task(:'c')).status, 'pending', 'the task waits');

select tests.changes_nothing(
    :'c', format('select worker_api.begin_submit(%L, %L)', :'c', :'lease'),
    '{"result": "already_applied", "status": "pending", "stage": "submit"}',
    'a repeated call is told that it was answered'
);
select is(
    worker_api.begin_submit(:'other_model', tests.claim(:'other_model')) -> 'submit', 'true'::jsonb,
    'each model has a minute of its own'
);

select tests.set_time('2030-01-01 12:01:00+00');
select is(worker_api.begin_submit(:'c', tests.claim(:'c')) -> 'submit', 'true'::jsonb, 'the next minute it goes');

-- A pause that the provider asked for.
select tests.order_video(:'user_id') as d \gset
select tests.order_video(:'user_id') as e \gset
update private.model_brakes set paused_until = '2030-01-01 12:01:20+00' where model = 'veo-3.1';
select worker_api.begin_submit(:'d', tests.claim(:'d')) as answer \gset
select is(:'answer'::jsonb ->> 'reason', 'throttled', 'during a pause nothing is sent, although the minute has room');
select ok(
    (:'answer'::jsonb ->> 'retry_at')::timestamptz between '2030-01-01 12:01:20+00' and '2030-01-01 12:01:25+00',
    'the job comes back after the pause, not a minute later'
);
select tests.set_time('2030-01-01 12:01:19.999+00');
select is(worker_api.begin_submit(:'d', tests.claim(:'d')) ->> 'reason', 'throttled', 'not a moment earlier');
select tests.set_time('2030-01-01 12:01:20+00');
select is(worker_api.begin_submit(:'d', tests.claim(:'d')) -> 'submit', 'true'::jsonb, 'after the pause it goes');
select is(
    worker_api.begin_submit(:'e', tests.claim(:'e')) ->> 'reason', 'throttled', 'within what the minute has left'
);

-- A clock that jumps back opens no new minute.
update private.model_brakes set paused_until = null;
select tests.set_time('2030-01-01 12:00:59+00');
select is(
    worker_api.begin_submit(:'e', tests.claim(:'e')) ->> 'reason', 'throttled',
    'a clock that goes back sends nothing more'
);
select tests.configure('video_submit_per_minute', '10');
select is(
    worker_api.begin_submit(:'e', tests.claim(:'e')) -> 'submit', 'true'::jsonb, 'unless the minute has room'
);
select is(
    (select b.minute from private.model_brakes as b where b.model = 'veo-3.1'), '2030-01-01 12:01:00+00'::timestamptz,
    'and the minute stays'
);

select finish();
rollback;
