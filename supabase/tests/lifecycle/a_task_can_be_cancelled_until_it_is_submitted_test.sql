-- A cancel is possible while nothing was sent: pending, and no create call in flight.
begin;
select plan(30);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.file_jobs;
select tests.create_rich_user(10000) as user_id \gset
select tests.create_rich_user(10000) as stranger \gset

-- Cancels as a user; returns the answer, or the error with its details.
create function pg_temp.cancel(p_user_id uuid, p_task_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_answer jsonb;
begin
    perform tests.act_as(p_user_id);
    v_answer := tests.error_of(format('select public.cancel_video(%L)', p_task_id));
    if v_answer is null then
        v_answer := public.cancel_video(p_task_id);
    else
        v_answer := jsonb_build_object('error', v_answer ->> 'code', 'details', v_answer -> 'details');
    end if;
    perform tests.stop_acting();
    return v_answer;
end
$$;

select tests.order_video(:'user_id') as task \gset
select tests.advance_time('5 seconds');
select tests.act_as(:'user_id');
select public.cancel_video(:'task') as answer \gset
select tests.stop_acting();
select is(
    :'answer'::jsonb,
    jsonb_build_object(
        'task_id', :'task'::uuid, 'status', 'cancelled', 'created_at', '2030-01-01T12:00:00+00:00'::timestamptz,
        'completed_at', null, 'elapsed_seconds', 5, 'estimated_remaining_seconds', 0, 'is_overdue', false,
        'credit_cost', 80, 'refunded_credits', 80, 'retry_count', 0, 'retry_of', null, 'video', null, 'error', null
    ),
    'a waiting task is cancelled, and its status says so'
);
select is(tests.refunds_of(:'task'), '{80}', 'the credits are back, once');
select is(tests.balance_of(:'user_id'), 10000, 'in the balance');
select is(
    (select t.actor from public.credit_transactions as t where t.task_id = :'task' and t.type = 'video_refund'), 'user',
    'the ledger says who did it'
);
select is(tests.job(:'task'), null, 'there is no job left');
select is((tests.task(:'task')).error_code, null, 'a cancel is no failure');
select is((tests.task(:'task')).ended_at, '2030-01-01 12:00:05+00', 'the task ended');
select is_empty('select * from private.file_jobs', 'there is nothing to delete');
select is(pg_temp.cancel(:'user_id', :'task'), :'answer'::jsonb, 'cancelling again is fine, and answers the same');
select is(tests.refunds_of(:'task'), '{80}', 'and gives nothing more back');

-- Between the claim and the call -------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as claimed \gset
select tests.claim(:'claimed') as lease \gset
select is(pg_temp.cancel(:'user_id', :'claimed') ->> 'status', 'cancelled', 'a claimed task can still be cancelled');
select is(
    worker_api.begin_submit(:'claimed', :'lease'), '{"result": "illegal_state", "status": "cancelled"}'::jsonb,
    'its worker is told'
);
select is(
    worker_api.fail_video(:'claimed', :'lease', 'prompt_rejected', '{}'),
    '{"result": "illegal_state", "status": "cancelled"}'::jsonb, 'whatever it says'
);
select is(tests.refunds_of(:'claimed'), '{80}', 'one refund');

-- A refused call is not in flight any more ---------------------------------------------------------------------------
select tests.order_video(:'user_id') as refused \gset
select tests.bring_to(:'refused', 'submitting');
select is(
    pg_temp.cancel(:'user_id', :'refused'),
    '{"error": "illegal_state", "details": {"status": "pending", "stage": "submitting"}}'::jsonb,
    'while the call is in flight it may be accepted'
);
select tests.must_apply(worker_api.requeue_submit(:'refused', 1, 'refused', '{}', null));
select is(
    pg_temp.cancel(:'user_id', :'refused') ->> 'status', 'cancelled',
    'once it was refused the task can be cancelled'
);
select is_empty('select * from private.file_jobs', 'and there is still nothing to delete');

delete from private.model_brakes;

-- Everywhere else ----------------------------------------------------------------------------------------------------
select is(
    pg_temp.cancel(:'user_id', t.id), jsonb_build_object('error', 'illegal_state', 'details', t.details),
    'it cannot be cancelled: ' || t.details::text
)
from (
    select
        tests.order_video(:'user_id') as id,
        s.stage,
        s.details::jsonb as details
    from (
        values
        ('reconcile', '{"status": "pending", "stage": "reconcile"}'),
        ('poll', '{"status": "processing", "stage": "poll"}'),
        ('transfer', '{"status": "downloading", "stage": "transfer"}')
    ) as s (stage, details)
) as t
cross join lateral tests.bring_to(t.id, t.stage) as b (lease)
where b.lease is not null;

select tests.create_video(:'user_id', 'completed') as completed \gset
select tests.create_video(:'user_id', 'failed') as failed \gset
select is(
    pg_temp.cancel(:'user_id', :'completed'),
    '{"error": "illegal_state", "details": {"status": "completed", "stage": null}}'::jsonb, 'a completed task stays so'
);
select is(
    pg_temp.cancel(:'user_id', :'failed'),
    '{"error": "illegal_state", "details": {"status": "failed", "stage": null}}'::jsonb, 'a failed one, too'
);

select tests.order_video(:'user_id') as again \gset
select tests.bring_to(:'again', 'poll') as lease \gset
select tests.must_apply(worker_api.record_poll(:'again', :'lease', 'retryable', '{}'));
select is(
    pg_temp.cancel(:'user_id', :'again'),
    '{"error": "illegal_state", "details": {"status": "processing", "stage": "submit"}}'::jsonb,
    'so does one that is made once more'
);

-- Whose task it is ---------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as own \gset
select is(
    pg_temp.cancel(:'stranger', :'own') ->> 'error', 'task_not_found',
    'somebody else''s task is not there to be cancelled'
);
select is(pg_temp.cancel(:'user_id', gen_random_uuid()) ->> 'error', 'task_not_found', 'an unknown one neither');
select is(pg_temp.cancel(:'user_id', null) ->> 'error', 'task_not_found', 'nor none');
select is((tests.task(:'own')).status, 'pending', 'nothing happened to it');
select tests.act_as(:'user_id');
select is(public.get_credits() ->> 'active_tasks', '5', 'cancelled tasks free their places');
select tests.stop_acting();

select tests.act_as_role('anon');
select throws_ok(format('select public.cancel_video(%L)', :'own'), 42501, null, 'signed out nobody can call it');
select tests.stop_acting();
select tests.act_as(null);
select tests.throws_code(
    format('select public.cancel_video(%L)', :'own'), 'not_authenticated', 'nor with a token that names no user'
);
select tests.stop_acting();

select finish();
rollback;
