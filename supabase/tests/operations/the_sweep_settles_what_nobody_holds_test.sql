-- Workers are silent or gone: past its deadline every task ends, whatever it waited for, and the credits go back.
begin;
select plan(55);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.video_jobs;
delete from private.file_jobs;
delete from private.alerts;
delete from private.daily_spend;
select tests.create_rich_user(100000) as user_id \gset

select is(private.sweep(), 0, 'there is nothing to sweep');

-- Each stage: not before its deadline, not while it is held, then once -----------------------------------------------
create function pg_temp.check_stage(
    p_user_id uuid, p_stage text, p_deadline interval, p_code text, p_outcome text, p_usd numeric
) returns setof text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid;
    v_start timestamptz := private.now();
begin
    if p_stage <> 'waiting' then
        v_lease := tests.bring_to(v_task_id, p_stage);
    end if;

    perform tests.set_time(v_start + p_deadline);
    return next tests.changes_nothing(
        v_task_id, 'select to_jsonb(private.sweep())', '0', p_stage || ': at its deadline it is left alone'
    );
    perform tests.advance_time('1 millisecond');
    if p_stage <> 'waiting' then
        perform worker_api.extend_lease(v_task_id, v_lease);
        return next tests.changes_nothing(
            v_task_id, 'select to_jsonb(private.sweep())', '0', p_stage || ': and as long as a worker holds it'
        );
        perform tests.advance_time('60 seconds');
    end if;

    return next extensions.is(private.sweep(), 1, p_stage || ': then it is swept');
    return next extensions.is(
        row((tests.task(v_task_id)).status, (tests.task(v_task_id)).error_code)::text, '(failed,' || p_code || ')',
        p_stage || ': as ' || p_code
    );
    return next extensions.is(
        row(tests.refunds_of(v_task_id), tests.job(v_task_id))::text,
        row('{80}'::integer[], null::private.video_jobs)::text, p_stage || ': the credits are back, and the job is gone'
    );
    return next extensions.is(
        row((tests.call(v_task_id)).outcome, (tests.call(v_task_id)).usd)::text, row(p_outcome, p_usd)::text,
        p_stage || ': the call is in the books'
    );
    return next tests.changes_nothing(
        v_task_id, 'select to_jsonb(private.sweep())', '0', p_stage || ': a second sweep finds nothing'
    );
end
$$;

select pg_temp.check_stage(:'user_id', 'waiting', '30 minutes', 'timeout', null, null);
select pg_temp.check_stage(:'user_id', 'submit', '30 minutes', 'timeout', null, null);
select pg_temp.check_stage(:'user_id', 'submitting', '10 minutes', 'submission_unknown', 'unknown', 6.00);
select pg_temp.check_stage(:'user_id', 'reconcile', '10 minutes', 'submission_unknown', 'unknown', 6.00);
select pg_temp.check_stage(:'user_id', 'poll', '15 minutes', 'timeout', 'abandoned', 6.00);
select pg_temp.check_stage(:'user_id', 'transfer', '48 hours', 'video_expired', 'succeeded', 6.00);

select results_eq(
    'select kind, severity from private.alerts', $$values ('video_expired', 'critical')$$,
    'a clip that was made and lost is an alert'
);
select is(
    (
        select array_agg(distinct t.actor)
        from public.credit_transactions as t
        inner join public.video_generation_history as h on h.refund_id = t.id
        where h.user_id = :'user_id'
    ),
    '{system}', 'the ledger says who settled'
);

-- A refused task -----------------------------------------------------------------------------------------------------
select tests.order_video(:'user_id') as refused \gset
select tests.bring_to(:'refused', 'submitting');
select tests.must_apply(worker_api.requeue_submit(:'refused', 1, 'refused', '{}', null));
select tests.advance_time('31 minutes');
select private.sweep();
select is(
    (tests.task(:'refused')).error_code, 'provider_quota',
    'a task that was refused says that the provider was busy'
);

-- Bounded, oldest deadline first -------------------------------------------------------------------------------------
delete from private.model_brakes;
select tests.order_video(tests.create_rich_user(1000)) from generate_series(1, 5);
update private.video_jobs as j
set deadline_at = private.now() - o.place * interval '1 minute'
from (
    select
        k.task_id,
        row_number() over (order by k.task_id) as place
    from private.video_jobs as k
) as o
where j.task_id = o.task_id;
select j.task_id as oldest from private.video_jobs as j order by j.deadline_at limit 1 \gset

select is(private.sweep(1), 1, 'a sweep ends at most what it is told');
select is((tests.task(:'oldest')).status, 'failed', 'the one that is late the longest');
select is(private.sweep(3), 3, 'then the next');
select is(private.sweep(3), 1, 'until none is left');
select is(private.sweep(3), 0, 'and says so');
set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'everything is settled');

-- A task that somebody holds does not hide the others behind it.
set constraints all deferred;
select tests.order_video(:'user_id') as held \gset
select tests.order_video(:'user_id') as unheld \gset
select tests.claim(:'held');
update private.video_jobs set deadline_at = private.now() - interval '2 hours' where task_id = :'held';
update private.video_jobs set deadline_at = private.now() - interval '1 hour' where task_id = :'unheld';
select is(private.sweep(1), 1, 'one that is late but held is passed over');
select is((tests.task(:'unheld')).status, 'failed', 'for the next one');

-- Under pg_cron it runs until there is nothing left; each round is a transaction of its own there.
select matches(
    (select j.command from cron.job as j where j.jobname = 'video-sweep'), 'private\.sweep\(1\)',
    'cron sweeps one task for each transaction'
);
select tests.act_as_role('service_role');
select throws_ok('select private.sweep()', 42501, null, 'nobody else can sweep');
select tests.stop_acting();

select finish();
rollback;
