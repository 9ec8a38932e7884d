-- The owner hears of each change of his videos, and nobody else does.
begin;
select plan(8);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.create_video(:'ann', 'completed') as done \gset
select tests.create_video(:'bob', 'failed') as failed \gset
select results_eq(
    format(
        'select m.topic, m.event, m.payload, m.private from realtime.messages as m '
        'where m.topic in (%L, %L) order by m.topic = %1$L desc, m.payload ->> ''status'' = ''completed'', '
        'm.payload ->> ''status'' desc', 'videos:' || :'ann', 'videos:' || :'bob'
    ),
    format(
        $$
        values
        ('videos:' || %1$L, 'status', '{"task_id": "%2$s", "status": "processing"}'::jsonb, true),
        ('videos:' || %1$L, 'status', '{"task_id": "%2$s", "status": "downloading"}'::jsonb, true),
        ('videos:' || %1$L, 'status', '{"task_id": "%2$s", "status": "completed"}'::jsonb, true),
        ('videos:' || %3$L, 'status', '{"task_id": "%4$s", "status": "failed"}'::jsonb, true)
        $$, :'ann', :'done', :'bob', :'failed'
    ),
    'each change, on a private channel of the owner, ids and status only'
);

-- Who may listen: Realtime asks with the topic that somebody wants to join.
create function pg_temp.heard(p_topic text) returns bigint
language sql
as $$
    select set_config('realtime.topic', p_topic, true);
    select count(*) from realtime.messages as m where m.topic = p_topic
$$;
grant execute on function pg_temp.heard(text) to authenticated, anon;
select tests.act_as(:'ann');
select is(pg_temp.heard('videos:' || :'ann'), 3::bigint, 'she hears hers');
select is(pg_temp.heard('videos:' || :'bob'), 0::bigint, 'and not his');
select is(pg_temp.heard('videos:'), 0::bigint, 'there is no channel of everybody');
select tests.act_as(:'bob');
select is(pg_temp.heard('videos:' || :'bob'), 1::bigint, 'he hears his');
select tests.act_as_role('anon');
select is(pg_temp.heard('videos:' || :'ann'), 0::bigint, 'a visitor hears nothing');
select tests.act_as_role('authenticated');
select is(pg_temp.heard('videos:' || :'ann'), 0::bigint, 'nor does a token without a user');
select tests.stop_acting();
select is(private.install_realtime(), true, 'installing it again is fine');

select finish();
rollback;
