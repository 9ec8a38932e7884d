begin;
select plan(9);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_retry_after_seconds', '33');
select tests.create_video(:'user_id', 'pending') as task_id \gset
select tests.configure('video_generation_enabled', 'false');

create function pg_temp.refusal(p_user_id text) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of($sql$select public.generate_video('a fox')$sql$);
    perform tests.stop_acting();
    return v_error;
end
$$;

select is(
    pg_temp.refusal(:'user_id') - 'message',
    '{"code": "generation_disabled", "hint": null, "status": 503, "headers": {"Retry-After": "33"},
      "details": {"message": null, "until": null, "retry_after_seconds": 33}}'::jsonb,
    'without an end in sight the caller is told to come back after the usual time'
);
select tests.configure('video_disabled_message', '"Back at noon."');
select tests.configure('video_disabled_until', '"2031-03-05T12:00:00Z"');
select is(
    pg_temp.refusal(:'user_id'),
    '{"code": "generation_disabled", "hint": null, "status": 503, "headers": {"Retry-After": "7200"},
      "message": "Back at noon.",
      "details": {"message": "Back at noon.", "until": "2031-03-05T12:00:00+00:00", "retry_after_seconds": 7200}}',
    'else with the operator''s words, and when it is over'
);
select tests.set_time('2031-03-05 11:59:59.3+00');
select is(
    pg_temp.refusal(:'user_id') -> 'headers', '{"Retry-After": "1"}', 'a part of a second is rounded up'
);
select tests.set_time('2031-03-05 12:00:00+00');
select is(pg_temp.refusal(:'user_id') -> 'headers', '{"Retry-After": "33"}', 'nobody is told to come back at once');
select tests.set_time('2031-03-05 13:00:00+00');
select is(
    pg_temp.refusal(:'user_id') -> 'headers', '{"Retry-After": "33"}',
    'when the end has passed and nobody switched on: after the usual time'
);

-- What has been ordered goes on.
select tests.act_as(:'user_id');
select is(public.get_video_status(:'task_id') ->> 'status', 'pending', 'a task that is running stays');
select is(public.cancel_video(:'task_id') ->> 'status', 'cancelled', 'and can be cancelled');
select is((public.get_credits() ->> 'balance')::integer, 1000, 'with its credits back');
select tests.stop_acting();

select tests.configure('video_generation_enabled', 'true');
select is(pg_temp.refusal(:'user_id'), null, 'switched on, an order is taken, whatever message and end still say');

select finish();
rollback;
