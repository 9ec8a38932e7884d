begin;
select plan(9);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_retry_after_seconds', '33');
select tests.configure('video_concurrent_limit', '100');

create function pg_temp.refusal(p_user_id text, p_model text default null) returns text
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of(format('select public.generate_video(''a fox'', model => %L)', p_model));
    perform tests.stop_acting();
    return v_error - 'message';
end
$$;

select is(
    pg_temp.refusal(:'user_id', 'gemini-omni')::jsonb,
    '{"code": "model_unavailable", "hint": null, "status": 503, "headers": {"Retry-After": "33"},
      "details": {"model": "gemini-omni", "retry_after_seconds": 33}}'::jsonb,
    'one that is switched off'
);
select is(pg_temp.refusal(:'user_id'), null, 'not one that is on');

update public.video_models set paused_at = private.now(), pause_reason = 'gone' where id = 'veo-3.1';
select is(pg_temp.refusal(:'user_id')::jsonb ->> 'code', 'model_unavailable', 'one that the system has paused');
select is(pg_temp.refusal(:'user_id', 'veo-3.1-fast'), null, 'not another one');
update public.video_models set paused_at = null, pause_reason = null where id = 'veo-3.1';
select is(pg_temp.refusal(:'user_id'), null, 'nor the same one when the pause is over');

update public.video_models set retires_at = '2031-03-05 10:00:01+00' where id = 'veo-3.1';
select is(pg_temp.refusal(:'user_id'), null, 'one is offered until it retires');
select tests.advance_time('1 second');
select is(pg_temp.refusal(:'user_id')::jsonb ->> 'code', 'model_unavailable', 'and not any more from then on');

-- Tiers that are not sold yet.
update public.video_models set retires_at = null where id = 'veo-3.1';
update public.video_model_options set valid_from = '2031-03-05 10:00:02+00' where model = 'veo-3.1';
select is(
    pg_temp.refusal(:'user_id')::jsonb ->> 'code', 'invalid_parameter', 'one without options does not exist yet'
);
select tests.advance_time('1 second');
select is(pg_temp.refusal(:'user_id'), null, 'until they begin');

select finish();
rollback;
