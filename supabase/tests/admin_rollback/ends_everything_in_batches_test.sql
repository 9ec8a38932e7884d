begin;
select plan(27);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.video_jobs;
delete from private.alerts;
delete from private.file_jobs;
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(1000) as user_id \gset
select tests.create_rich_user(1000) as other_user \gset
select set_config('test.admin', :'admin_id', true);

create function pg_temp.rollback(p_batch_size integer default null, p_reason text default 'incident 7') returns jsonb
language plpgsql
as $$
declare
    v_answer jsonb;
begin
    perform tests.act_as(current_setting('test.admin')::uuid);
    v_answer := public.admin_rollback(p_reason, p_batch_size);
    perform tests.stop_acting();
    return v_answer;
end
$$;

select tests.create_video(:'user_id', 'completed') as completed \gset
select tests.order_video(:'user_id') as submitting \gset
select tests.bring_to(:'submitting', 'submitting');
select tests.create_video(:'user_id', 'processing') as processing \gset
select tests.create_video(:'other_user', 'downloading') as downloading \gset
select tests.create_video(:'other_user', 'pending') as pending \gset
delete from private.admin_actions;
delete from private.system_config_changes;

-- In batches ---------------------------------------------------------------------------------------------------------
select is(pg_temp.rollback(1), '{"done": 1, "remaining": 3}'::jsonb, 'a batch of one');
select is((tests.task(:'pending')).status, 'failed', 'what was not sent goes first');
select is((select s.generation_enabled from private.settings as s), false, 'generation is off');
select is(
    (select jsonb_agg(to_jsonb(c) - 'id' - 'changed_at') from private.system_config_changes as c),
    jsonb_build_array(jsonb_build_object(
        'key', 'video_generation_enabled', 'old_value', true, 'new_value', false,
        'changed_by', 'admin:' || :'admin_id', 'reason', 'incident 7'
    )), 'with who and why'
);
select tests.act_as(:'user_id');
select tests.throws_code('select public.generate_video(''a dog'')', 'generation_disabled', 'nobody orders any more');
select tests.stop_acting();
select is(pg_temp.rollback(), '{"done": 3, "remaining": 0}'::jsonb, 'the rest, in a batch of the usual size');
select is(pg_temp.rollback(), '{"done": 0, "remaining": 0}'::jsonb, 'then it is done');
select is(
    (select count(*) from private.system_config_changes), 1::bigint, 'the switch was turned once'
);
select is(
    (
        select jsonb_agg(jsonb_build_array(c.actor, c.action, c.details, c.reason) order by c.id)
        from private.admin_actions as c
    ),
    (
        select jsonb_agg(jsonb_build_array('admin:' || :'admin_id', 'rollback', d.value, 'incident 7') order by d.place)
        from jsonb_array_elements(
            '[{"done": 1, "remaining": 3}, {"done": 3, "remaining": 0}, {"done": 0, "remaining": 0}]'
        ) with ordinality as d (value, place)
    ), 'each call left a row'
);

-- What became of it --------------------------------------------------------------------------------------------------
select is(
    array(
        select distinct row(h.status, h.error_code, tests.refunds_of(h.id))::text
        from public.video_generation_history as h
        where h.id in (:'submitting', :'processing', :'downloading', :'pending')
    ), '{"(failed,rolled_back,{80})"}', 'every one failed as rolled_back, with its credits'
);
select is(
    row((tests.task(:'completed')).status, tests.refunds_of(:'completed'))::text, '(completed,{})',
    'what was finished is left alone'
);
select is(tests.balance_of(:'other_user'), 1000, 'all is paid back');
select is(
    (tests.call(:'submitting')).outcome, 'unknown', 'a call in flight was not waited for'
);
select is(
    worker_api.record_operation(:'submitting', 1, 'operations/late') ->> 'result', 'illegal_state',
    'its answer comes late'
);
select is(
    row((tests.call(:'submitting')).outcome, (tests.call(:'submitting')).operation_id)::text, '(late,operations/late)',
    'is booked'
);
select is(
    (select a.kind from private.alerts as a where a.subject = :'submitting'), 'late_result', 'is an alert'
);
select ok(
    exists (
        select
        from private.file_jobs as f
        where f.kind = 'delete_google' and f.path = :'submitting' || '/1/'
    ), 'and its clip is deleted'
);
select is(tests.refunds_of(:'submitting'), '{80}', 'nothing is refunded again');

-- One that cannot be settled -----------------------------------------------------------------------------------------
select tests.configure('video_generation_enabled', 'true');
select tests.order_video(:'user_id') as poisoned \gset
select tests.create_video(:'other_user', 'processing') as healthy \gset
create function pg_temp.spoil() returns trigger
language plpgsql
as $$
begin
    raise exception 'this one is poisoned';
end
$$;
create trigger spoil before update on public.video_generation_history
for each row when (new.prompt = 'a red fox in the snow' and new.status = 'failed' and old.status = 'pending')
execute function pg_temp.spoil();
select is(pg_temp.rollback(1), '{"done": 0, "remaining": 2}'::jsonb, 'a task that cannot be settled');
select is(
    (select a.details from private.alerts as a where a.kind = 'settlement_failed' and a.subject = :'poisoned'),
    '{"code": "P0001", "error": "this one is poisoned", "error_code": "rolled_back"}'::jsonb,
    'is an alert that says why'
);
select private.raise_alert('late_result', 'info', :'healthy');
select is(
    pg_temp.rollback(1), '{"done": 1, "remaining": 1}'::jsonb,
    'and keeps nobody else from his credits, whatever other alerts there are'
);
set constraints all immediate;
drop trigger spoil on public.video_generation_history;
set constraints all deferred;
select tests.configure('video_generation_enabled', 'true');
select tests.create_video(:'other_user', 'processing') as another \gset
select a.id as alert_id from private.alerts as a where a.subject = :'poisoned' \gset
select tests.act_as(:'admin_id');
select public.admin_acknowledge_alert(:alert_id);
select tests.stop_acting();
select is(
    jsonb_build_array(pg_temp.rollback(1), (tests.task(:'poisoned')).status),
    '[{"done": 1, "remaining": 1}, "failed"]', 'when somebody has seen to it, its turn comes as before'
);
select is(pg_temp.rollback(1), '{"done": 1, "remaining": 0}'::jsonb, 'and the other one''s after it');

-- One that somebody else ends meanwhile ------------------------------------------------------------------------------
select tests.configure('video_generation_enabled', 'true');
create function pg_temp.end_the_other() returns trigger
language plpgsql
as $$
begin
    perform private.end_task(h, 'cancelled', null, 'user')
    from public.video_generation_history as h
    where h.id <> new.id and h.ended_at is null;
    return null;
end
$$;
select tests.create_video(v.user_id, 'pending') from (values (:'user_id'::uuid), (:'other_user')) as v (user_id);
create trigger meanwhile after update on public.video_generation_history
for each row when (new.error_code = 'rolled_back') execute function pg_temp.end_the_other();
select is(pg_temp.rollback(), '{"done": 1, "remaining": 0}'::jsonb, 'one that somebody else has ended meanwhile');
select is_empty(
    'select from private.alerts where kind = ''settlement_failed'' and acknowledged_at is null', 'is no alert'
);
set constraints all immediate;
drop trigger meanwhile on public.video_generation_history;
set constraints all deferred;

-- The usual size -----------------------------------------------------------------------------------------------------
select tests.configure('video_generation_enabled', 'true');
select tests.configure('video_concurrent_limit', '101');
select tests.create_rich_user(101 * 80) as busy_user \gset
select count(tests.order_video(:'busy_user')) as ignored from generate_series(1, 101) \gset
select is(pg_temp.rollback(), '{"done": 100, "remaining": 1}'::jsonb, 'a batch is a hundred unless one says otherwise');

-- Parameters ---------------------------------------------------------------------------------------------------------
select is(
    jsonb_build_array(
        tests.error_of('select public.admin_rollback(''x'', 0)') -> 'details' -> 'parameter',
        tests.error_of('select public.admin_rollback(''x'', 1001)') -> 'details' -> 'parameter',
        tests.error_of('select public.admin_rollback(null)') -> 'details' -> 'parameter'
    ), '["batch_size", "batch_size", "reason"]', 'batches of none or too many, no reason'
);

select finish();
rollback;
