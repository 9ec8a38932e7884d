-- A mismatch is never repaired in silence.
begin;
select plan(6);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.alerts;
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select id as account_id from public.credit_accounts where user_id = :'user_id' \gset
set constraints all immediate;

select is(private.report_audit(), 0, 'a clean night reports nothing');
select is_empty('select * from private.alerts', 'and alerts nobody');

delete from private.video_jobs where task_id = :'task';
alter table public.credit_accounts drop constraint account_shows_its_last_entry;
update public.credit_accounts set balance = balance + 1 where id = :'account_id';

select is(private.report_audit(), 3, 'it says how many findings there are');
select results_eq(
    'select kind, severity, subject from private.alerts order by subject',
    format(
        $$values
        ('ledger_mismatch', 'critical', 'account_is_not_at_its_last_entry ' || %1$L),
        ('ledger_mismatch', 'critical', 'balance_is_not_the_sum_of_entries ' || %1$L),
        ('ledger_mismatch', 'critical', 'live_task_has_no_job ' || %2$L)$$, :'account_id', :'task'
    ),
    'each is an alert'
);
select is(
    (select a.details from private.alerts as a where a.subject like 'live_task_has_no_job%'),
    jsonb_build_object(
        'finding', 'live_task_has_no_job', 'account_id', :'account_id'::uuid, 'task_id', :'task'::uuid,
        'detail', '{"status": "pending"}'::jsonb
    ),
    'with what was found'
);
select private.report_audit();
select is(
    (select array_agg(a.occurrences) from private.alerts as a), '{2,2,2}',
    'the next night counts up instead of flooding'
);

select finish();
rollback;
