begin;
select plan(8);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select tests.create_video(:'ann', 'completed') as task_id \gset

create function pg_temp.code(p_task_id text) returns text
language sql
as $$
    select coalesce(
        tests.error_of(format('select public.get_video_status(%L)', p_task_id)) ->> 'code', 'shown'
    )
$$;
grant execute on function pg_temp.code(text) to public;

select tests.act_as(:'ann');
select is(pg_temp.code(:'task_id'), 'shown', 'her own');
select is(pg_temp.code(gen_random_uuid()::text), 'task_not_found', 'none there is not');
select is(
    tests.error_of('select public.get_video_status(null)') ->> 'code', 'task_not_found', 'nor null'
);
select tests.act_as(:'bob');
select is(pg_temp.code(:'task_id'), 'task_not_found', 'nobody else''s');
select is(
    tests.error_of(format('select public.get_video_status(%L)', :'task_id')) - 'message',
    '{"code": "task_not_found", "status": 404, "details": {}, "hint": null, "headers": {}}'::jsonb,
    'with nothing that tells the two apart'
);
select tests.act_as(:'bob', jsonb_build_object('user_metadata', jsonb_build_object('sub', :'ann')));
select is(pg_temp.code(:'task_id'), 'task_not_found', 'whatever he writes into his metadata');

select tests.stop_acting();
update public.video_generation_history set deleted_at = private.now() where id = :'task_id';
select tests.act_as(:'ann');
select is(pg_temp.code(:'task_id'), 'task_not_found', 'and not one she deleted');

select tests.act_as_role('anon');
select is(
    tests.error_of(format('select public.get_video_status(%L)', :'task_id')) ->> 'sqlstate', '42501',
    'a visitor may not even ask'
);

select finish();
rollback;
