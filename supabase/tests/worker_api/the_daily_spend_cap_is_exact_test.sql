-- USD of a UTC day never pass the cap; whoever would pass it gets his credits back.
begin;
select plan(18);

select tests.set_time('2030-01-01 23:59:00+00');
delete from private.daily_spend;
delete from private.alerts;
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as a \gset
select tests.order_video(:'user_id') as b \gset
select tests.order_video(:'user_id') as c \gset
select tests.order_video_of(:'user_id', 4) as d \gset
select tests.order_video_of(:'user_id', 4) as e \gset
select tests.balance_of(:'user_id') as balance \gset
select tests.configure('video_daily_spend_cap_usd', '15');
select tests.bring_to(:'a', 'submitting');
select tests.bring_to(:'b', 'submitting');
select is(tests.spend_today(), 12.00, 'two clips for 6 USD are under way');

select tests.claim(:'c') as lease \gset
select is(
    worker_api.begin_submit(:'c', :'lease'),
    '{"result": "applied", "submit": false, "reason": "spend_cap", "retry_at": null}'::jsonb,
    'a third would pass the cap of 15'
);
select is(tests.spend_today(), 12.00, 'nothing is booked for it');
select is((tests.task(:'c')).status, 'failed', 'the task is over');
select is((tests.task(:'c')).error_code, 'spend_cap', 'the user is told why');
select is(tests.refunds_of(:'c'), '{80}', 'his credits are back, once');
select is(tests.balance_of(:'user_id'), :balance + 80, 'in his balance');
select is(tests.job(:'c'), null, 'there is no job left');
select is(tests.call(:'c'), null, 'and no call in the books');
select results_eq(
    $$select kind, severity, subject, details from private.alerts$$,
    $$values ('spend_cap_reached', 'critical', '2030-01-01', '{"cap_usd": 15}'::jsonb)$$,
    'an alert says so'
);
select tests.changes_nothing(
    :'c', format('select worker_api.begin_submit(%L, %L)', :'c', :'lease'),
    '{"result": "already_applied", "status": "failed"}', 'a repeated call refunds nothing more'
);

select is(
    worker_api.begin_submit(:'d', tests.claim(:'d')) -> 'submit', 'true'::jsonb,
    'one that fills the cap to the cent still goes'
);
select is(tests.spend_today(), 15.00, 'the cap is reached, not passed');

-- What comes back may be spent again.
select tests.must_apply(worker_api.requeue_submit(:'d', 1, 'refused', '{}', null));
select is(tests.spend_today(), 12.00, 'a refused call gives its USD back');
delete from private.model_brakes;
select is(worker_api.begin_submit(:'d', tests.claim(:'d')) -> 'submit', 'true'::jsonb, 'and they can be spent again');

-- A new day, and a cap below a single clip.
select tests.set_time('2030-01-02 00:00:00+00');
select is(
    worker_api.begin_submit(:'e', tests.claim(:'e')) -> 'submit', 'true'::jsonb,
    'midnight in UTC opens a new day'
);
select tests.configure('video_daily_spend_cap_usd', 'null');
select tests.order_video(:'user_id') as f \gset
select tests.set_time('2030-01-03 00:00:00+00');
update private.video_jobs set deadline_at = private.now() where task_id = :'f';
select tests.configure('video_daily_spend_cap_usd', '5.99');
select is(
    worker_api.begin_submit(:'f', tests.claim(:'f')) ->> 'reason', 'spend_cap',
    'a cap below one clip stops the first of the day, too'
);
select is(tests.spend_today(), 0::numeric, 'and the day stays at nothing');

select finish();
rollback;
