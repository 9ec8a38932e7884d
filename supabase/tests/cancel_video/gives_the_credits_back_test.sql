begin;
select plan(13);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(100) as user_id \gset
select tests.order_video(:'user_id') as task_id \gset
select tests.advance_time('5 seconds');

select tests.act_as(:'user_id');
select public.cancel_video(:'task_id') as answer \gset
select is(
    :'answer'::jsonb,
    jsonb_build_object('task_id', :'task_id') || '{
        "status": "cancelled", "created_at": "2031-03-05T10:00:00+00:00", "completed_at": null, "elapsed_seconds": 5,
        "estimated_remaining_seconds": 0, "is_overdue": false, "credit_cost": 80, "refunded_credits": 80,
        "retry_count": 0, "retry_of": null, "video": null, "error": null
    }',
    'the answer is the status, with the credits back'
);
select is(
    public.get_credits() - 'concurrent_limit', '{"balance": 100, "active_tasks": 0}', 'he has them, and the slot'
);
select tests.stop_acting();
select is(
    (
        select jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.id = h.refund_id)
        from public.credit_transactions as t
        inner join public.video_generation_history as h on t.task_id = h.id
        where h.id = :'task_id' and t.amount > 0
    ), '["video_refund", 80, "user", "cancelled", true]'::jsonb, 'as one entry that the task names'
);
select is((tests.job(:'task_id')).task_id, null, 'the job is gone');
select is((tests.task(:'task_id')).ended_at, '2031-03-05 10:00:05+00'::timestamptz, 'the task has its end');
select is_empty(
    $$select from private.file_jobs where kind = 'delete_google'$$, 'there is nothing to tidy up at the provider'
);

-- Again, and again.
select tests.count_rows() as before \gset
select tests.advance_time('1 hour');
select tests.act_as(:'user_id');
select is(public.cancel_video(:'task_id'), :'answer'::jsonb, 'repeating it is answered the same');
select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'and does nothing');
select is(tests.balance_of(:'user_id'), 100, 'least of all pay twice');

-- A worker has taken the job, but has not begun to submit.
select tests.order_video(:'user_id') as claimed_id \gset
select tests.bring_to(:'claimed_id', 'submit') as lease \gset
select tests.act_as(:'user_id');
select is(
    public.cancel_video(:'claimed_id') ->> 'status', 'cancelled',
    'a task that a worker has only looked at can be cancelled'
);
select tests.stop_acting();
select is(
    worker_api.begin_submit(:'claimed_id', :'lease'), '{"result": "illegal_state", "status": "cancelled"}'::jsonb,
    'and the worker is told before it pays'
);

-- The smallest price there is.
select tests.configure('video_credit_per_second', '0.01');
select tests.create_video(:'user_id', 'cancelled') as cheap_id \gset
select is(tests.refunds_of(:'cheap_id'), '{1}', 'a single credit is given back, too');

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
