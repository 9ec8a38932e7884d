begin;
select plan(15);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select tests.configure('video_concurrent_limit', '100');

create function pg_temp.refusal(p_user_id text, p_task_id text) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of(format('select public.cancel_video(%L)', p_task_id));
    perform tests.stop_acting();
    return v_error - 'message';
end
$$;

create function pg_temp.in_stage(p_user_id text, p_stage text) returns text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id::uuid);
begin
    perform tests.bring_to(v_task_id, p_stage);
    return v_task_id;
end
$$;

select pg_temp.in_stage(:'ann', 'submitting') as submitting \gset
select is(
    pg_temp.refusal(:'ann', :'submitting'),
    '{"code": "illegal_state", "hint": null, "status": 409, "headers": {},
      "details": {"status": "pending", "stage": "submitting"}}'::jsonb,
    'a create call is in flight'
);
select is(
    pg_temp.refusal(:'ann', pg_temp.in_stage(:'ann', 'reconcile')) -> 'details',
    '{"status": "pending", "stage": "reconcile"}', 'its outcome is not known'
);
select is(
    pg_temp.refusal(:'ann', pg_temp.in_stage(:'ann', 'poll')) -> 'details',
    '{"status": "processing", "stage": "poll"}', 'the provider is at it'
);
select is(
    pg_temp.refusal(:'ann', pg_temp.in_stage(:'ann', 'transfer')) -> 'details',
    '{"status": "downloading", "stage": "transfer"}', 'the file is on its way'
);
select is(
    pg_temp.refusal(:'ann', pg_temp.in_stage(:'ann', 'completed')) -> 'details',
    '{"status": "completed", "stage": null}', 'it is done'
);
select is(
    pg_temp.refusal(:'ann', tests.create_video(:'ann', 'failed')::text) -> 'details',
    '{"status": "failed", "stage": null}', 'it has failed, which gave the credits back already'
);
select is((tests.task(:'submitting')).status, 'pending', 'a refused cancel changes nothing');
select is(tests.balance_of(:'ann'), 1000 - 5 * 80, 'and refunds nothing');

-- Somebody else.
select tests.create_video(:'ann', 'pending') as pending \gset
select is(pg_temp.refusal(:'bob', :'pending') ->> 'code', 'task_not_found', 'nobody cancels somebody else''s');
select is(
    pg_temp.refusal(:'bob', :'pending'), pg_temp.refusal(:'bob', gen_random_uuid()::text),
    'which looks like one there is not'
);
select is(pg_temp.refusal(:'ann', null) ->> 'code', 'task_not_found', 'nor null');
select is((tests.task(:'pending')).status, 'pending', 'it goes on');
select tests.create_video(:'ann', 'cancelled') as deleted_id \gset
update public.video_generation_history set deleted_at = private.now() where id = :'deleted_id';
select is(pg_temp.refusal(:'ann', :'deleted_id') ->> 'code', 'task_not_found', 'what is deleted is not found');

select tests.act_as_role('anon');
select throws_ok(
    format('select public.cancel_video(%L)', :'pending'), '42501', null, 'a visitor may not even ask'
);
select tests.act_as_role('service_role');
select throws_ok(
    format('select public.cancel_video(%L)', :'pending'), '42501', null, 'service_role neither'
);

select finish();
rollback;
