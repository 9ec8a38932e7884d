-- The audit trusts no constraint. Each rule that keeps its findings impossible is taken away here, the data broken, and
-- the finding seen; then the transaction is rolled back.
begin;
select plan(25);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.create_rich_user(500) as other_user \gset
select id as account_id from public.credit_accounts where user_id = :'user_id' \gset
select tests.order_video(:'user_id') as live \gset
select tests.order_video(:'user_id') as polling \gset
select tests.bring_to(:'polling', 'poll');
select tests.order_video(:'user_id') as completed \gset
select tests.bring_to(:'completed', 'completed');
select tests.create_video(:'user_id', 'failed') as failed \gset
select tests.create_video(:'user_id', 'cancelled') as cancelled \gset
select tests.order_video(:'other_user') as other \gset
set constraints all immediate;
set constraints all deferred;

create function pg_temp.audit() returns table (finding text, task_id uuid, detail jsonb)
language sql
as $$
    select a.finding, a.task_id, a.detail from private.audit_ledger() as a order by a.finding
$$;

-- The findings after some statements, which are undone.
create function pg_temp.findings_after(p_sql text) returns text[]
language plpgsql
as $$
declare
    v_findings text[];
begin
    execute p_sql;
    select array_agg(a.finding order by a.finding) into v_findings from pg_temp.audit() as a;
    raise exception using errcode = 'UNDO1', message = coalesce(v_findings, '{}')::text;
exception
    when sqlstate 'UNDO1' then
        return sqlerrm::text[];
end
$$;

select is_empty('select * from private.audit_ledger()', 'tasks of every kind, a bystander: the audit is clean');

alter table public.credit_transactions disable trigger ledger_is_append_only;
alter table public.credit_transactions drop constraint entry_follows_its_predecessor;
alter table public.credit_transactions drop constraint entry_adds_up;
alter table public.credit_transactions drop constraint charge_is_named_by_its_task;
alter table public.credit_transactions drop constraint refund_is_named_by_its_task;
alter table public.credit_transactions drop constraint entry_task_exists;
alter table public.credit_accounts drop constraint account_shows_its_last_entry;
alter table public.video_generation_history disable trigger status_moves_are_allowed;
alter table public.video_generation_history drop constraint no_task_ends_without_its_refund;
alter table public.video_generation_history drop constraint charge_is_in_the_ledger;
alter table public.video_generation_history drop constraint refund_is_in_the_ledger;

-- Balances -----------------------------------------------------------------------------------------------------------
select is(
    pg_temp.findings_after(format(
        'update public.credit_accounts set balance = balance + 1 where id = %L', :'account_id'
    )),
    '{account_is_not_at_its_last_entry,balance_is_not_the_sum_of_entries}', 'a balance that is one credit too high'
);
select is(
    pg_temp.findings_after(format(
        'update public.credit_accounts set balance = 0, debt = 1 where id = %L', :'account_id'
    )),
    '{account_is_not_at_its_last_entry,balance_is_not_the_sum_of_entries}', 'a debt out of nowhere'
);
select is(
    pg_temp.findings_after(format(
        'update public.credit_accounts set last_entry_no = last_entry_no + 1 where id = %L', :'account_id'
    )),
    '{account_is_not_at_its_last_entry}', 'an account that counts an entry too many'
);
select is(
    pg_temp.findings_after(format(
        'update public.credit_transactions set amount = amount + 1, balance_after = balance_after + 1
        where account_id = %L and entry_no = 1', :'account_id'
    )),
    '{balance_is_not_the_sum_of_entries,entry_does_not_follow_its_predecessor}', 'an entry that was changed'
);
select is(
    pg_temp.findings_after(format(
        'update public.credit_transactions set balance_after = balance_after + 1
        where account_id = %L and entry_no = 1', :'account_id'
    )),
    '{entry_does_not_follow_its_predecessor,entry_does_not_follow_its_predecessor}',
    'an entry that does not add up, and the one after it'
);
select is(
    pg_temp.findings_after(format(
        'delete from public.credit_transactions where account_id = %L and entry_no = 1', :'account_id'
    )),
    '{balance_is_not_the_sum_of_entries,entries_have_gaps,entry_does_not_follow_its_predecessor}',
    'an entry that was removed'
);
select is(
    pg_temp.findings_after($$
        insert into public.credit_accounts (balance, last_entry_no) values (7, 1)
    $$),
    '{account_is_not_at_its_last_entry,balance_is_not_the_sum_of_entries}', 'a balance without any entry'
);
select is(
    pg_temp.findings_after(format(
        $$
            insert into public.credit_transactions (
                account_id, entry_no, type, amount, balance_before, balance_after, actor
            )
            select a.id, a.last_entry_no + 1, 'admin_grant', 5, a.balance, a.balance + 5, 'system'
            from public.credit_accounts as a where a.id = %L
        $$, :'account_id'
    )),
    '{account_is_not_at_its_last_entry,balance_is_not_the_sum_of_entries}', 'an entry that never reached the balance'
);

-- Settlement ---------------------------------------------------------------------------------------------------------
select is(
    pg_temp.findings_after(format(
        $$
            delete from private.video_jobs where task_id = %1$L;
            update public.video_generation_history
            set status = 'failed', ended_at = private.now(), error_code = 'timeout', error_message = 'x'
            where id = %1$L
        $$, :'live'
    )),
    '{task_is_not_settled}', 'a failed task without a refund'
);
select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'completed'
    )),
    '{task_is_not_settled}', 'a completed task that was refunded'
);
select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'live'
    )),
    '{task_is_not_settled}', 'a live task that was refunded'
);
select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'video_refund', 80, 'system', %L)$$, :'account_id', :'failed'
    )),
    '{task_is_not_settled}', 'a failed task that was refunded twice'
);
select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'video_generation', -80, 'user', %L)$$, :'account_id', :'cancelled'
    )),
    '{task_is_not_settled}', 'a task that was charged twice'
);
select is(
    pg_temp.findings_after(format(
        'update public.video_generation_history set credit_cost = 40 where id = %L', :'live'
    )),
    '{task_is_not_settled}', 'a task that cost something else than was charged'
);

select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'goodwill_refund', 81, 'system', %L)$$, :'account_id', :'completed'
    )),
    '{goodwill_does_not_fit_its_task}', 'more goodwill than the video cost'
);
select is(
    pg_temp.findings_after(format(
        $$select private.post_entry(%L, 'goodwill_refund', 1, 'system', %L)$$, :'account_id', :'failed'
    )),
    '{goodwill_does_not_fit_its_task}', 'goodwill for a task whose credits are back'
);

-- Jobs ---------------------------------------------------------------------------------------------------------------
select is(
    pg_temp.findings_after(format('delete from private.video_jobs where task_id = %L', :'polling')),
    '{live_task_has_no_job}', 'a live task that nobody will ever look at'
);
select is(
    pg_temp.findings_after(format(
        $$
            insert into private.video_jobs (task_id, account_id, model, stage, deadline_at)
            values (%L, %L, 'veo-3.1', 'submit', private.now())
        $$, :'failed', :'account_id'
    )),
    '{ended_task_has_a_job}', 'a job of a task that has ended'
);

-- Files --------------------------------------------------------------------------------------------------------------
select is(
    pg_temp.findings_after(format(
        $$update storage.objects set metadata = '{"size": 999}' where name = %L$$,
        :'user_id' || '/' || :'completed' || '.mp4'
    )),
    '{stored_file_is_missing_or_differs}', 'a file of another size'
);
select is(
    pg_temp.findings_after(format(
        $$update storage.objects set metadata = null where name = %L$$, :'user_id' || '/' || :'completed' || '.mp4'
    )),
    '{stored_file_is_missing_or_differs}', 'a file of unknown size'
);
select is(
    pg_temp.findings_after(format(
        $$update storage.objects set bucket_id = 'reference-images' where name = %L$$,
        :'user_id' || '/' || :'completed' || '.mp4'
    )),
    '{stored_file_is_missing_or_differs}', 'a file that is not there'
);
select is(
    pg_temp.findings_after(format(
        $$
            update storage.objects set bucket_id = 'reference-images' where name = %L;
            update public.video_generation_history
            set deleted_at = private.now(), permanent_video_url = null where id = %L
        $$,
        :'user_id' || '/' || :'completed' || '.mp4', :'completed'
    )),
    '{}', 'the file of a deleted video is not missed'
);

-- What a finding says, and that others are left out of it ------------------------------------------------------------
update public.credit_accounts set balance = balance + 1 where id = :'account_id';
delete from private.video_jobs where task_id = :'live';
select results_eq(
    'select finding, account_id, task_id from private.audit_ledger() order by finding',
    format(
        $$values
        ('account_is_not_at_its_last_entry', %1$L::uuid, null::uuid),
        ('balance_is_not_the_sum_of_entries', %1$L, null),
        ('live_task_has_no_job', %1$L, %2$L)$$, :'account_id', :'live'
    ),
    'a finding names the account and the task'
);
select is(
    (select array_agg(a.detail order by a.finding) from private.audit_ledger() as a),
    array[
        '{"debt": 0, "balance": 9761, "debt_after": 0, "balance_after": 9760}',
        '{"sum": 9760, "balance": 9761}',
        '{"status": "pending"}'
    ]::jsonb[],
    'and says what it saw'
);

select finish();
rollback;
