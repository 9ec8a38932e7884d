begin;
select plan(15);

select tests.create_rich_user(1000) as user_id \gset
select tests.create_rich_user(1000) as other_user \gset
select tests.configure('video_concurrent_limit', '100');
select count(tests.create_video(u.id, s.status)) as ignored
from unnest(array[:'user_id', :'other_user']::uuid[]) as u (id)
cross join unnest(
    array['pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled']
) as s (status) \gset
select tests.create_video(:'user_id', 'completed') as deleted_id \gset
update public.video_generation_history set deleted_at = private.now() where id = :'deleted_id';

create function pg_temp.statuses(p_status text) returns text
language sql
as $$
    select string_agg(i ->> 'status', ',' order by i ->> 'status')
    from jsonb_array_elements(public.list_videos(p_status) -> 'items') as i
$$;
grant execute on function pg_temp.statuses(text) to authenticated;

select tests.act_as(:'user_id');
select is(
    pg_temp.statuses(null), 'cancelled,completed,downloading,failed,pending,processing', 'without a filter: all'
);
select is(pg_temp.statuses('in_progress'), 'downloading,pending,processing', 'in_progress is what has not ended');
select is(pg_temp.statuses(s.status), s.status, s.status)
from unnest(array['pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled']) as s (status);
select is(
    tests.error_of($$select public.list_videos('done')$$) - 'message',
    '{"code": "invalid_parameter", "status": 422, "hint": null, "headers": {}, "details": {"parameter": "status",
      "allowed": ["pending", "processing", "downloading", "completed", "failed", "cancelled", "in_progress"]}}'::jsonb,
    'an unknown status is told which there are'
);
select tests.throws_code($$select public.list_videos('')$$, 'invalid_parameter', 'an empty one too');

select is(
    public.list_videos('completed') #> '{items,0}',
    public.get_video_status((public.list_videos('completed') #>> '{items,0,task_id}')::uuid) || '{
        "prompt": "a red fox in the snow", "negative_prompt": null, "duration": 8, "resolution": "720p",
        "aspect_ratio": "16:9", "model": "veo-3.1", "stars": null
    }', 'an item is the status shape and what was asked'
);
select is(
    jsonb_path_exists(public.list_videos(), '$.items[*] ? (@.task_id == $id)', jsonb_build_object('id', :'deleted_id')),
    false, 'a deleted task is not listed'
);

select tests.stop_acting();
select tests.create_user() as new_user \gset
select tests.act_as(:'new_user');
select is(
    public.list_videos(), '{"items": [], "next_cursor": null}'::jsonb, 'who has none gets an empty list'
);
select is(public.list_videos('failed'), '{"items": [], "next_cursor": null}'::jsonb, 'also with a filter');

select tests.act_as_role('anon');
select throws_ok('select public.list_videos()', '42501', null, 'a visitor may not even ask');

select finish();
rollback;
