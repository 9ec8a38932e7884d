-- Settlement is declared: a task names its charge and refund in the ledger, and they name it. Each attempt below writes
-- what a faulty function might write, and is refused at the latest when the transaction ends. (Once through a real
-- COMMIT: tests/concurrency/test_settlement.py.)
begin;
select plan(24);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as live \gset
select tests.order_video(:'user_id') as other \gset
select tests.create_video(:'user_id', 'failed') as failed \gset
select tests.create_video(:'user_id', 'completed') as completed \gset
select id as account_id from public.credit_accounts where user_id = :'user_id' \gset
set constraints all immediate;
set constraints all deferred;

-- The rule that refuses some statements at the end of a transaction, or 'settled'. Leaves nothing behind.
create function pg_temp.settles(p_sql text) returns text
language plpgsql
as $$
declare
    v_constraint text;
begin
    execute p_sql;
    set constraints all immediate;
    raise exception using errcode = 'UNDO1';
exception
    when sqlstate 'UNDO1' then
        return 'settled';
    when integrity_constraint_violation or check_violation or foreign_key_violation or unique_violation then
        get stacked diagnostics v_constraint = constraint_name;
        return v_constraint;
end
$$;

-- Ends the task as the test says, with a refund entry of some type and amount for some task.
create function pg_temp.end_with(
    p_task_id uuid,
    p_type text,
    p_amount integer,
    p_entry_task_id uuid,
    p_status text default 'failed'
) returns void
language plpgsql
as $$
declare
    v_entry_id uuid := gen_random_uuid();
begin
    if p_type is not null then
        perform private.post_entry(
            (tests.task(p_task_id)).account_id, p_type, p_amount, 'system', p_entry_task_id, p_entry_id => v_entry_id
        );
    end if;
    update public.video_generation_history as h
    set
        status = p_status,
        refund_id = v_entry_id,
        ended_at = private.now(),
        error_code = case p_status when 'failed' then 'timeout' end,
        error_message = case p_status when 'failed' then 'x' end
    where h.id = p_task_id;
end
$$;

-- Ending a task ------------------------------------------------------------------------------------------------------
select is(
    pg_temp.settles(format($$select pg_temp.end_with(%1$L, 'video_refund', 80, %1$L)$$, :'live')), 'settled',
    'a task that fails with its own refund is settled'
);
select is(
    pg_temp.settles(format($$select pg_temp.end_with(%1$L, 'video_refund', 80, %1$L, 'cancelled')$$, :'live')),
    'settled', 'so is one that is cancelled'
);
select is(
    pg_temp.settles(format(
        $$update public.video_generation_history
        set status = 'failed', ended_at = private.now(), error_code = 'timeout', error_message = 'x' where id = %L$$,
        :'live'
    )),
    'no_task_ends_without_its_refund', 'no task fails without one'
);
select is(
    pg_temp.settles(format(
        $$update public.video_generation_history set status = 'cancelled', ended_at = private.now() where id = %L$$,
        :'live'
    )),
    'no_task_ends_without_its_refund', 'none is cancelled without one'
);
select is(
    pg_temp.settles(format('select pg_temp.end_with(%1$L, null, 80, %1$L)', :'live')), 'refund_is_in_the_ledger',
    'a refund that is not in the ledger is none'
);
select is(
    pg_temp.settles(format($$select pg_temp.end_with(%1$L, 'video_refund', 79, %1$L)$$, :'live')),
    'refund_is_in_the_ledger', 'nor is one of another amount'
);
select is(
    pg_temp.settles(format($$select pg_temp.end_with(%1$L, 'video_refund', 81, %1$L)$$, :'live')),
    'refund_is_in_the_ledger', 'neither less nor more'
);
select is(
    pg_temp.settles(format($$select pg_temp.end_with(%1$L, 'goodwill_refund', 80, %1$L)$$, :'live')),
    'refund_is_in_the_ledger', 'nor one of another kind'
);
select matches(
    pg_temp.settles(format($$select pg_temp.end_with(%L, 'video_refund', 80, %L)$$, :'live', :'other')),
    '^refund_is_(in_the_ledger|named_by_its_task)$', 'nor one for another task'
);
select matches(
    pg_temp.settles(format(
        'update public.video_generation_history set refund_id = %L where id = %L',
        (tests.task(:'live')).charge_id, :'failed'
    )),
    '^refund_is_(in_the_ledger|named_by_its_task)$', 'nor a charge'
);

-- Refunds in the ledger ----------------------------------------------------------------------------------------------
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'live'
    )),
    'refund_is_named_by_its_task', 'a live task has no refund'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'completed'
    )),
    'refund_is_named_by_its_task', 'nor has a completed one'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'failed'
    )),
    'refund_is_named_by_its_task', 'a failed one has one, not two'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', gen_random_uuid())$$, :'account_id'
    )),
    'refund_is_named_by_its_task', 'a refund is for a task that exists'
);
select is(
    pg_temp.settles(format($$select private.post_entry(%L, 'video_refund', 80, 'system')$$, :'account_id')),
    'video_entry_names_its_task', 'and names it'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'goodwill_refund', 80, 'system', %L)$$, :'account_id', :'completed'
    )),
    'settled', 'goodwill for a completed task is something else'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'goodwill_refund', 80, 'system', gen_random_uuid())$$, :'account_id'
    )),
    'entry_task_exists', 'but for a task that exists'
);

-- Charges ------------------------------------------------------------------------------------------------------------
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_generation', -80, 'user', %L)$$, :'account_id', :'live'
    )),
    'charge_is_named_by_its_task', 'a task is charged once'
);
select is(
    pg_temp.settles(format(
        $$select private.post_entry(%L, 'video_generation', -80, 'user', gen_random_uuid())$$, :'account_id'
    )),
    'charge_is_named_by_its_task', 'nobody is charged for nothing'
);
select is(
    pg_temp.settles(format(
        'update public.video_generation_history set credit_cost = 40 where id = %L', :'live'
    )),
    'charge_is_in_the_ledger', 'the price of a task is what was charged'
);
select matches(
    pg_temp.settles(format(
        'update public.video_generation_history set charge_id = gen_random_uuid() where id = %L', :'live'
    )),
    '^charge_is_(in_the_ledger|named_by_its_task)$', 'a charge is in the ledger'
);
select is(
    pg_temp.settles(format(
        'update public.video_generation_history set charge_id = null, credit_cost = 0 where id = %L', :'live'
    )),
    'charge_is_named_by_its_task', 'and stays named'
);
select matches(
    pg_temp.settles(format(
        $$update public.video_generation_history
        set status = 'processing', operation_id = 'x', charge_id = %L where id = %L$$,
        (tests.task(:'failed')).refund_id, :'live'
    )),
    '^charge_is_(in_the_ledger|named_by_its_task)$', 'a refund pays for nothing'
);
select is_empty(
    $$select * from private.audit_ledger() where finding <> 'stored_file_is_missing_or_differs'$$,
    'the audit finds everything settled'
);

select finish();
rollback;
