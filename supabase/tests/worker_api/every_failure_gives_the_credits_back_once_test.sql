-- Each code a worker may fail a task with, in each stage: message, one refund, and the day's USD back where nothing
-- can have been paid.
begin;
select plan(108);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '1000');
select tests.configure('video_submit_per_minute', '10000');
select tests.create_rich_user(100000) as user_id \gset

-- Fails a new task in a stage, and asserts what became of it; five assertions.
create function pg_temp.check_failure(p_user_id uuid, p_stage text, p_code text) returns setof text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid := tests.bring_to(v_task_id, p_stage);
    v_balance integer := tests.balance_of(p_user_id);
    v_spend numeric := tests.spend_today();
    v_call private.provider_calls := tests.call(v_task_id);
    v_failure private.failure_codes;
    v_answer jsonb;
    v_task public.video_generation_history;
    v_title text := p_code || ' in ' || p_stage || ': ';
    v_is_given_back boolean;
begin
    select * into strict v_failure from private.failure_codes as f where f.code = p_code;
    -- In a transfer the clip was made, whatever happens to it.
    v_is_given_back := v_call.usd > 0 and p_stage <> 'transfer' and not v_failure.is_charged;

    v_answer := worker_api.fail_video(v_task_id, v_lease, p_code, '{"code": "raw", "message": "text"}');
    v_task := tests.task(v_task_id);
    return next extensions.is(
        v_answer, '{"result": "applied", "status": "failed", "retry_at": null}'::jsonb, v_title || 'the verdict applies'
    );
    return next extensions.is(
        row(v_task.status, v_task.error_code, v_task.error_message, v_task.ended_at, v_task.resolving_lease)::text,
        row('failed', p_code, v_failure.message, private.now(), v_lease)::text,
        v_title || 'the task failed with the message of its code'
    );
    return next extensions.is(
        row(tests.refunds_of(v_task_id), tests.balance_of(p_user_id), tests.job(v_task_id))::text,
        row('{80}'::integer[], v_balance + 80, null::private.video_jobs)::text,
        v_title || 'the credits are back once and the job is gone'
    );
    return next extensions.is(
        row(tests.spend_today(), coalesce((tests.call(v_task_id)).usd, 0))::text,
        case
            when v_is_given_back then row(v_spend - v_call.usd, 0)::text
            else row(v_spend, coalesce(v_call.usd, 0))::text
        end,
        v_title || case when v_is_given_back then 'the USD are back' else 'no USD move' end
    );
    return next tests.changes_nothing(
        v_task_id,
        format($sql$select worker_api.fail_video(%L, %L, %L, '{}')$sql$, v_task_id, v_lease, p_code),
        '{"result": "already_applied", "status": "failed"}', v_title || 'a repeated verdict refunds nothing more'
    );
    update public.video_models set paused_at = null, pause_reason = null;
end
$$;

select pg_temp.check_failure(:'user_id', s.stage, f.code)
from private.failure_codes as f
cross join unnest('{submit,poll}'::text[]) as s (stage)
where f.is_from_worker and f.code not in ('download_failed', 'video_expired')
order by f.code, s.stage;

select pg_temp.check_failure(:'user_id', s.stage, 'safety_filter')
from unnest('{submitting,reconcile}'::text[]) as s (stage);
select pg_temp.check_failure(:'user_id', 'submitting', 'invalid_request');
select pg_temp.check_failure(:'user_id', 'transfer', 'video_expired');

-- What the books say of the call -------------------------------------------------------------------------------------
create function pg_temp.outcome_after(p_user_id uuid, p_stage text, p_code text) returns text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid := tests.bring_to(v_task_id, p_stage);
begin
    perform tests.must_apply(worker_api.fail_video(v_task_id, v_lease, p_code, '{"code": "raw"}'));
    return (tests.call(v_task_id)).outcome || ' ' || (tests.call(v_task_id)).detail::text;
end
$$;

select is(
    pg_temp.outcome_after(:'user_id', 'poll', 'safety_filter'), 'filtered {"code": "raw"}',
    'a filtered call is so called'
);
select is(
    pg_temp.outcome_after(:'user_id', 'submitting', 'invalid_request'), 'rejected {"code": "raw"}',
    'one that was not taken is rejected'
);
select is(
    pg_temp.outcome_after(:'user_id', 'poll', 'provider_error'), 'failed {"code": "raw"}',
    'one that came to nothing failed'
);
select is(
    (
        select array_agg(distinct c.outcome)
        from private.provider_calls as c
        where c.output_prefix not in (select f.path from private.file_jobs as f where f.kind = 'delete_google')
    ),
    '{rejected}', 'a call that was not taken left nothing to delete at its provider, each other may have'
);

-- A code that a worker may not give, in any stage --------------------------------------------------------------------
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'poll') as poll_lease \gset
select tests.changes_nothing(
    :'task', format('select worker_api.fail_video(%L, %L, %L, null)', :'task', :'poll_lease', f.code),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', f.code || ' is not for a worker to say'
)
from (
    select f.code from private.failure_codes as f where not f.is_from_worker
    union all
    values ('no_such_code'), (null), ('')
) as f
order by f.code;

-- A transfer fails by its own codes only -----------------------------------------------------------------------------
select tests.order_video(:'user_id') as clip \gset
select tests.bring_to(:'clip', 'transfer') as lease \gset
select tests.changes_nothing(
    :'clip', format($$select worker_api.fail_video(%L, %L, 'safety_filter', '{}')$$, :'clip', :'lease'),
    '{"result": "illegal_state", "status": "downloading", "stage": "transfer"}', 'a clip that was made was not filtered'
);

-- Without a detail, and without a price ------------------------------------------------------------------------------
select is(
    worker_api.fail_video(:'task', :'poll_lease', 'provider_error', null) ->> 'result', 'applied',
    'a detail is not needed'
);
insert into public.video_generation_history (
    account_id, user_id, status, prompt, aspect_ratio, resolution, duration, model, request, credit_cost, retry_of,
    google_video_url, created_at
)
select
    h.account_id, h.user_id, 'downloading', h.prompt, h.aspect_ratio, h.resolution, h.duration, h.model, '{}', 0, h.id,
    'gs://clips/1.mp4', private.now()
from public.video_generation_history as h
where h.id = :'task'
returning id as retry \gset
insert into private.video_jobs (task_id, account_id, model, stage, deadline_at, counts_for_limit)
select h.id, h.account_id, h.model, 'transfer', private.now() + interval '1 hour', false
from public.video_generation_history as h
where h.id = :'retry';
select tests.claim(:'retry') as lease \gset
select is(
    worker_api.fail_video(:'retry', :'lease', 'video_expired', '{}') ->> 'status', 'failed',
    'a free retry may fail, too'
);
select is(tests.refunds_of(:'retry'), '{}', 'it has nothing to give back');
set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'every task is settled');

select finish();
rollback;
