-- The fence: whatever a worker says whose job was handed out again, given back, ended or never held, nothing moves and
-- it is told so by name. Every verb that names a lease, in every stage it is for.
begin;
select plan(148);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '1000');
select tests.configure('video_submit_per_minute', '10000');
select tests.create_rich_user(1000000) as user_id \gset

create temporary table verb (stage text, title text, call text);
insert into verb
select s.stage, v.title, v.call
from (
    values
    ('{submit,submitting,reconcile,poll,transfer}'::text[], 'extend_lease', 'extend_lease(%L, %L)'),
    ('{submit}', 'begin_submit', 'begin_submit(%L, %L)'),
    ('{poll}', 'record_poll running', $$record_poll(%L, %L, 'running', '{}')$$),
    ('{poll,reconcile}', 'record_poll unavailable', $$record_poll(%L, %L, 'unavailable', '{}')$$),
    ('{reconcile}', 'record_poll missing', $$record_poll(%L, %L, 'missing', '{}')$$),
    (
        '{poll,reconcile}', 'record_poll succeeded',
        $$record_poll(%L, %L, 'succeeded', '{"google_video_url": "gs://clips/x.mp4"}')$$
    ),
    ('{poll}', 'record_poll retryable', $$record_poll(%L, %L, 'retryable', '{}')$$),
    ('{transfer}', 'begin_transfer', 'begin_transfer(%L, %L)'),
    ('{transfer}', 'complete_video', 'complete_video(%L, %L, tests.stored_video())'),
    ('{transfer}', 'fail_video download_failed', $$fail_video(%L, %L, 'download_failed', '{}')$$),
    ('{transfer}', 'fail_video video_expired', $$fail_video(%L, %L, 'video_expired', '{}')$$),
    ('{submit,submitting,reconcile,poll}', 'fail_video provider_error', $$fail_video(%L, %L, 'provider_error', '{}')$$)
) as v (stages, title, call)
cross join unnest(v.stages) as s (stage);

-- Five assertions for each verb and stage.
create function pg_temp.check_fence(p_user_id uuid, p_verb verb) returns setof text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_stale uuid := tests.bring_to(v_task_id, p_verb.stage, 'worker-1');
    v_holder uuid;
    v_stage text := case p_verb.stage when 'submitting' then 'reconcile' else p_verb.stage end;
    v_status text := (tests.task(v_task_id)).status;
    v_call text := 'select worker_api.' || p_verb.call;
    v_title text := p_verb.title || ' in ' || p_verb.stage || ' ';
    v_lost jsonb := '{"result": "lease_lost"}'::jsonb;
    v_ended jsonb := '{"result": "illegal_state", "status": "failed"}'::jsonb;
begin
    -- extend_lease answers what its caller can use, and that is not the stage.
    if p_verb.title <> 'extend_lease' then
        v_lost := v_lost || jsonb_build_object('status', v_status, 'stage', v_stage);
    end if;

    perform tests.advance_time('61 seconds');
    v_holder := tests.claim(v_task_id, 'worker-2');
    return next tests.changes_nothing(
        v_task_id, format(v_call, v_task_id, v_stale), v_lost, v_title || 'under a lease that was handed out again'
    );
    return next tests.changes_nothing(
        v_task_id, format(v_call, v_task_id, null), v_lost, v_title || 'under no lease'
    );

    perform worker_api.release_leases('worker-2');
    return next tests.changes_nothing(
        v_task_id, format(v_call, v_task_id, v_holder), v_lost, v_title || 'under a lease that was given back'
    );
    return next tests.changes_nothing(
        v_task_id, format(v_call, v_task_id, null), v_lost, v_title || 'of a job that nobody holds, under no lease'
    );

    v_holder := tests.claim(v_task_id, 'worker-3');
    perform tests.must_apply(
        worker_api.fail_video(
            v_task_id, v_holder, case v_stage when 'transfer' then 'video_expired' else 'safety_filter' end, '{}'
        )
    );
    return next tests.changes_nothing(
        v_task_id, format(v_call, v_task_id, v_stale), v_ended, v_title || 'of a task that ended meanwhile'
    );
end
$$;

select pg_temp.check_fence(:'user_id', v) from verb as v order by v.title, v.stage;

-- Under the right lease, but in a stage the verb is not for: refused by name, too.
create function pg_temp.check_stage(p_user_id uuid, p_stage text) returns setof text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid := tests.bring_to(v_task_id, p_stage);
    v_call text;
    v_title text;
begin
    for v_title, v_call in
        select distinct v.title, v.call from verb as v
        where not exists (select from verb as w where w.title = v.title and w.stage = p_stage)
            and not (p_stage = 'submitting' and v.title = 'begin_submit')
        order by v.title
    loop
        return next tests.changes_nothing(
            v_task_id, format('select worker_api.' || v_call, v_task_id, v_lease),
            jsonb_build_object('result', 'illegal_state', 'status', (tests.task(v_task_id)).status, 'stage', p_stage),
            v_title || ' in ' || p_stage || ' is out of place'
        );
    end loop;
end
$$;

select pg_temp.check_stage(:'user_id', s.stage)
from unnest('{submit,submitting,reconcile,poll,transfer}'::text[]) as s (stage);

-- An unknown task.
select is(
    worker_api.fail_video(gen_random_uuid(), gen_random_uuid(), 'provider_error', '{}'),
    '{"result": "illegal_state", "status": null}'::jsonb, 'an unknown task cannot fail'
);
select is(
    worker_api.record_poll(gen_random_uuid(), gen_random_uuid(), 'running', '{}'),
    '{"result": "illegal_state", "status": null}'::jsonb, 'nor be polled'
);

-- Whom a verdict by attempt, or the sweep, takes a job from: that lease was lost, it did not speak.
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submitting') as submitter \gset
select tests.advance_time('61 seconds');
select tests.claim(:'task', 'worker-2') as looking \gset
select tests.advance_time('35 minutes');
select tests.must_apply(worker_api.requeue_submit(:'task', 1, 'refused', '{}', null));
select tests.changes_nothing(
    :'task', format($$select worker_api.record_poll(%L, %L, 'missing', '{}')$$, :'task', :'looking'),
    '{"result": "illegal_state", "status": "failed"}', 'who was looking did not end the task'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.fail_video(%L, %L, 'provider_error', '{}')$$, :'task', :'submitter'),
    '{"result": "already_applied", "status": "failed"}', 'the submitter, who said it was refused, did'
);

delete from private.model_brakes;
select tests.order_video(:'user_id') as swept \gset
select tests.bring_to(:'swept', 'poll') as lease \gset
select tests.advance_time('16 minutes');
select private.sweep();
select tests.changes_nothing(
    :'swept',
    format(
        $$select worker_api.record_poll(%L, %L, 'succeeded', '{"google_video_url": "gs://x"}')$$, :'swept', :'lease'
    ),
    '{"result": "illegal_state", "status": "failed"}', 'nor did a silent worker end what the sweep ended'
);

select finish();
rollback;
