-- 429 and 503: surely not accepted. Back to the queue after a pause that doubles, with jitter, and a brake for all.
begin;
select plan(43);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
delete from private.model_brakes;
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submitting') as lease \gset
select tests.advance_time('2 seconds');

select worker_api.requeue_submit(:'task', 1, 'refused', '{"code": "429", "message": "quota"}', null) as answer \gset
select is(
    :'answer'::jsonb - 'retry_at', '{"result": "applied", "status": "pending"}'::jsonb, 'a refused call is put back'
);
select (:'answer'::jsonb ->> 'retry_at')::timestamptz as retry_at \gset
select ok(
    :'retry_at'::timestamptz - private.now() between interval '2.5 seconds' and interval '5 seconds',
    'the first pause is 5 seconds, less a jitter of up to half'
);
select is(
    row((tests.job(:'task')).stage, (tests.job(:'task')).due_at, (tests.job(:'task')).lease_token)::text,
    row('submit', :'retry_at'::timestamptz, null::uuid)::text, 'then it is due to be submitted, by anybody'
);
select is((tests.job(:'task')).deadline_at, '2030-01-01 12:30:00+00', 'by the deadline of its order');
select is(
    row((tests.job(:'task')).refusals, (tests.job(:'task')).last_refusal)::text, '(1,429)', 'the refusal is counted'
);
select is(
    row((tests.call(:'task')).outcome, (tests.call(:'task')).usd, (tests.call(:'task')).ended_at)::text,
    row('refused', 0, private.now())::text, 'the call is in the books as refused, for nothing'
);
select is((tests.call(:'task')).detail, '{"code": "429", "message": "quota"}'::jsonb, 'with what the provider said');
select is(tests.spend_today(), 0.00, 'its USD are back');
select is((tests.task(:'task')).status, 'pending', 'the task waits');
select is(tests.refunds_of(:'task'), '{}', 'nothing is refunded');
select is(
    (select b.paused_until from private.model_brakes as b where b.model = 'veo-3.1'), :'retry_at'::timestamptz,
    'no worker calls this model before that'
);
select tests.order_video(:'user_id') as neighbour \gset
select is(
    worker_api.begin_submit(:'neighbour', tests.claim(:'neighbour')) ->> 'reason', 'throttled', 'nor for another task'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'refused', '{}', null)$$, :'task'),
    '{"result": "already_applied", "status": "pending", "stage": "submit"}', 'repeating it is fine'
);

-- Each further refusal doubles the pause, up to the longest ----------------------------------------------------------
create function pg_temp.refuse(p_task_id uuid, p_retry_after numeric default null) returns numeric
language plpgsql
as $$
begin
    delete from private.model_brakes;
    perform tests.must_apply(worker_api.begin_submit(p_task_id, tests.claim(p_task_id)));
    return extract(epoch from (
        worker_api.requeue_submit(
            p_task_id, (tests.job(p_task_id)).submit_attempt, 'refused', '{}', p_retry_after
        ) ->> 'retry_at'
    )::timestamptz - private.now());
end
$$;

-- Refuses once more and asserts the bounds of the pause. (BETWEEN would refuse twice.)
create function pg_temp.waits(
    p_task_id uuid, p_minimum numeric, p_maximum numeric, p_description text, p_retry_after numeric default null
) returns text
language sql
as $$
    select cmp_ok(r.pause, '<=', p_maximum, p_description) || E'\n' || cmp_ok(r.pause, '>=', p_minimum,
    'and at least half')
    from (select pg_temp.refuse(p_task_id, p_retry_after) as pause offset 0) as r
$$;

select pg_temp.waits(:'task', 5, 10, 'the second pause is at most 10 seconds');
select pg_temp.waits(:'task', 10, 20, 'the third at most 20');
select pg_temp.waits(:'task', 20, 40, 'the fourth at most 40');
select pg_temp.waits(:'task', 40, 80, 'the fifth at most 80');
select pg_temp.waits(:'task', 60, 120, 'the sixth at most 120');
select pg_temp.waits(:'task', 60, 120, 'and so for ever');
select tests.configure('video_submit_backoff_max_seconds', '8');
select pg_temp.waits(:'task', 4, 8, 'the longest is configured');
select tests.configure('video_submit_backoff_seconds', '2');
select tests.order_video(:'user_id') as other \gset
select pg_temp.waits(:'other', 1, 2, 'so is the first');
select ok(
    min(p.pause) < 5 and max(p.pause) > 7, 'tasks that were refused together come back apart, over all of the half'
)
from (
    select pg_temp.refuse(:'task') as pause
    from generate_series(1, 60)
) as p;
select tests.configure('video_submit_backoff_seconds', '0.5');
select tests.order_video(:'user_id') as hasty \gset
select pg_temp.waits(:'hasty', 0.25, 0.5, 'without a wish of the provider even less than a second');
select tests.configure('video_submit_backoff_seconds', '2');

-- The provider's own wish --------------------------------------------------------------------------------------------
select is(pg_temp.refuse(:'other', 77.5), 77.5, 'a longer Retry-After is kept to');
select pg_temp.waits(:'other', 4, 8, 'a shorter one does not shorten the pause', 0.1);

update private.model_brakes set paused_until = private.now() + interval '1 hour';
select tests.order_video(:'user_id') as third \gset
select tests.claim(:'third') as lease \gset
update private.video_jobs set stage = 'submitting', submit_attempt = 1 where task_id = :'third';
insert into private.provider_calls (task_id, attempt, model, provider, provider_model, output_prefix, usd, day)
values (:'third', 1, 'veo-3.1', 'vertex', 'x', 'x/1/', 0, '2030-01-01');
select tests.must_apply(worker_api.requeue_submit(:'third', 1, 'refused', '{}', null));
select is(
    (select b.paused_until from private.model_brakes as b where b.model = 'veo-3.1'),
    private.now() + interval '1 hour', 'a short pause never shortens a longer one of all'
);

-- The submit deadline ------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as last \gset
select tests.order_video(:'user_id') as punctual \gset
select pg_temp.refuse(:'last');
-- Neither its own later refusal nor another task's failure gives it more time.
select tests.advance_time('10 minutes');
select pg_temp.refuse(:'last');
delete from private.model_brakes;
select tests.order_video(:'user_id') as failed \gset
select worker_api.fail_video(:'failed', tests.bring_to(:'failed', 'poll'), 'provider_error', '{}');
select tests.advance_time('19 minutes');
select is(pg_temp.refuse(:'punctual', 60), 60.0, 'whose next try is at the deadline itself waits for it');
select tests.advance_time('59.9 seconds');
delete from private.model_brakes;
select tests.claim(:'last') as lease \gset
select tests.must_apply(worker_api.begin_submit(:'last', :'lease'));
select is(
    worker_api.requeue_submit(:'last', 3, 'refused', '{"code": "429"}', null),
    '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb,
    'a task whose next try would be past its deadline ends'
);
select is((tests.task(:'last')).error_code, 'provider_quota', 'because the provider is too busy');
select is(tests.refunds_of(:'last'), '{80}', 'its credits are back, once');
select is(
    row((tests.call(:'last', 3)).outcome, (tests.call(:'last', 3)).usd)::text, '(refused,0)', 'nothing was paid'
);
select tests.changes_nothing(
    :'last', format($$select worker_api.requeue_submit(%L, 3, 'refused', '{}', null)$$, :'last'),
    '{"result": "already_applied", "status": "failed", "stage": null}', 'repeating it refunds nothing more'
);
select is_empty(
    format($$select * from private.file_jobs where path like '%s/%%'$$, :'last'), 'there is no clip to delete'
);

select finish();
rollback;
