begin;
select plan(47);

delete from private.file_jobs;
select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin \gset
select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
update public.profiles set display_name = 'Ann' where id = :'ann';
select tests.create_video(:'ann', 'completed') as task_id \gset
update public.video_generation_history
set thumbnail_url = 'videos/' || :'ann' || '/' || id || '.jpg'
where id = :'task_id';
delete from private.file_jobs;
select tests.act_as(:'ann');
select public.publish_to_showcase(:'task_id', title => 'A fox') ->> 'id' as item_id \gset
select tests.stop_acting();

create function pg_temp.review(p_admin uuid, p_item uuid, p_decision text, p_reason text default null) returns jsonb
language plpgsql
as $$
declare
    v_answer jsonb;
begin
    perform tests.act_as(p_admin);
    v_answer := public.admin_review_showcase_item(p_item, p_decision, p_reason);
    perform tests.stop_acting();
    return v_answer;
end
$$;
create function pg_temp.listed() returns bigint
language sql
as $$select jsonb_array_length(public.list_showcase() -> 'items')::bigint$$;
create function pg_temp.status(p_item uuid) returns text
language sql
as $$select s.item_status from public.showcase_items as s where s.id = p_item$$;

-- Copies -----------------------------------------------------------------------------------------------------------
select is(
    (select count(*) from worker_api.claim_file_jobs('w', 50)), 0::bigint,
    'a worker of the release before, which names no kinds, is given no copy to make'
);
select is(
    (select count(*) from worker_api.claim_file_jobs('w', 50, '{delete}')), 0::bigint,
    'nor is one that does not know it'
);
create temporary table claims as
select c from worker_api.claim_file_jobs('w', 50, '{delete,delete_google,copy}') as c;
select results_eq(
    $$
    select c ->> 'kind', c ->> 'bucket', c ->> 'source_bucket', c ->> 'source_path'
    from claims order by c ->> 'source_path' desc
    $$,
    format(
        $$values ('copy', 'showcase', 'videos', '%1$s/%2$s.mp4'), ('copy', 'showcase', 'videos', '%1$s/%2$s.jpg')$$,
        :'ann', :'task_id'
    ),
    'one that does learns from where to where'
);
select is(pg_temp.status(:'item_id'), 'copying', 'claimed is not copied');
select tests.act_as(:'admin');
select is(public.admin_list_showcase(), '{"items": [], "next_cursor": null}'::jsonb, 'there is nothing to review yet');
select is(
    tests.error_of(format($$select public.admin_review_showcase_item(%L, 'approve')$$, :'item_id')) -> 'details',
    '{"status": "copying", "stage": null}'::jsonb, 'and nothing to approve'
);
select tests.stop_acting();
select worker_api.complete_file_job((c ->> 'file_job_id')::bigint, (c ->> 'lease_token')::uuid)
from claims limit 1;
select is(pg_temp.status(:'item_id'), 'copying', 'one of two copies is not all');
select is(
    (
        select jsonb_agg(
            worker_api.complete_file_job((c ->> 'file_job_id')::bigint, (c ->> 'lease_token')::uuid) -> 'result'
        )
        from claims
    ), '["already_applied", "applied"]'::jsonb, 'a repeated verdict is recognised'
);
select is(pg_temp.status(:'item_id'), 'in_review', 'with the last copy the item goes to the reviewers');
select is(pg_temp.listed(), 0::bigint, 'and is shown to nobody else');

-- Review -----------------------------------------------------------------------------------------------------------
select tests.act_as(:'admin');
select public.admin_list_showcase() #> '{items,0}' as seen \gset
select is(
    :'seen'::jsonb - '{created_at,provenance,video_url,thumbnail_url,submitted_at}'::text[],
    jsonb_build_object(
        'id', :'item_id', 'content_type', 'video', 'title', 'A fox', 'prompt', 'a red fox in the snow',
        'author_name', 'Ann', 'image_url', null, 'duration', 8, 'resolution', '720p', 'like_count', 0,
        'liked_by_me', false, 'featured', false, 'ai_generated', true, 'status', 'in_review', 'reason', null,
        'task_id', :'task_id', 'image_id', null, 'show_prompt', false, 'author_id', :'ann', 'featured_position', null,
        'published_at', null
    ),
    'a reviewer sees everything about it, the prompt too'
);
select matches(
    :'seen'::jsonb ->> 'video_url', '^/storage/v1/object/public/showcase/[0-9a-f-]{36}\.mp4$', 'and where to look at it'
);
select matches(
    :'seen'::jsonb ->> 'thumbnail_url', '^/storage/v1/object/public/showcase/[0-9a-f-]{36}\.jpg$', 'with its poster'
);
select tests.throws_code($$select public.admin_list_showcase('deleted')$$, 'invalid_parameter', 'an unknown status');
select tests.throws_code(
    format($$select public.admin_review_showcase_item(%L, 'delete', 'x')$$, :'item_id'), 'invalid_parameter',
    'an unknown decision'
);
select tests.throws_code(
    format($$select public.admin_review_showcase_item(%L, 'reject', ' ')$$, :'item_id'), 'invalid_parameter',
    'a refusal says why'
);
select tests.throws_code(
    format($$select public.admin_review_showcase_item(%L, 'reject', %L)$$, :'item_id', repeat('x', 501)),
    'invalid_parameter', 'briefly'
);
select tests.throws_code(
    $$select public.admin_review_showcase_item(gen_random_uuid(), 'approve')$$, 'item_not_found', 'an unknown item'
);
select tests.act_as(:'ann');
select tests.throws_code(
    format($$select public.admin_review_showcase_item(%L, 'approve')$$, :'item_id'), 'not_admin',
    'nobody approves his own'
);
select tests.throws_code('select public.admin_list_showcase()', 'not_admin', 'nor lists what waits');
select tests.throws_code(
    format('select public.admin_feature_showcase_item(%L)', :'item_id'), 'not_admin', 'nor features it'
);
select tests.throws_code(
    format('select public.set_showcase_like(%L)', :'item_id'), 'item_not_found', 'nor likes it before it is published'
);
select tests.stop_acting();

select is(pg_temp.review(:'admin', :'item_id', 'approve') ->> 'status', 'published', 'approved is published');
select is(pg_temp.listed(), 1::bigint, 'and listed');
select is(pg_temp.review(:'admin', :'item_id', 'approve') ->> 'status', 'published', 'approving again is fine');
select results_eq(
    $$
    select actor, action, user_id, task_id, details ->> 'decision'
    from private.admin_actions where action like '%show%'
    $$,
    format(
        $$values ('admin:%s', 'review_showcase_item', %L::uuid, %L::uuid, 'approve')$$, :'admin', :'ann', :'task_id'
    ),
    'what was decided is kept, once'
);
select tests.throws_code(
    format($$select pg_temp.review(%L, %L, 'reject', 'x')$$, :'admin', :'item_id'), 'illegal_state',
    'what is published cannot be rejected'
);
select tests.stop_acting();

-- Hidden and shown again keeps everything --------------------------------------------------------------------------
select tests.act_as(:'bob');
select public.set_showcase_like(:'item_id');
select tests.stop_acting();
select pg_temp.review(:'admin', :'item_id', 'hide', 'Under discussion.');
select is(pg_temp.listed(), 0::bigint, 'hidden is not listed');
select is_empty('select from private.file_jobs', 'but its copies stay');
select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.set_showcase_like(%L, false)', :'item_id'), 'item_not_found', 'nor liked'
);
select tests.act_as(:'ann');
select results_eq(
    $$
    select i ->> 'status', i ->> 'reason', i ->> 'video_url'
    from jsonb_array_elements(public.list_my_showcase() -> 'items') as i
    $$,
    $$values ('hidden', 'Under discussion.', null)$$, 'its author reads why'
);
select tests.stop_acting();
select pg_temp.review(:'admin', :'item_id', 'approve');
select is(public.list_showcase() #>> '{items,0,like_count}', '1', 'shown again it has its likes');
select is(pg_temp.status(:'item_id'), 'published', 'and is published');

-- Taken down is final ----------------------------------------------------------------------------------------------
select is(
    pg_temp.review(:'admin', :'item_id', 'take_down', 'A person is recognisable.') - '{created_at,provenance}'::text[]
    @> '{"status": "taken_down", "video_url": null, "thumbnail_url": null,
      "reason": "A person is recognisable."}'::jsonb,
    true, 'taken down it has no files'
);
select results_eq(
    $$select kind, bucket, count(distinct path), min(due_at) from private.file_jobs group by kind, bucket$$,
    $$values ('delete', 'showcase', 2::bigint, timestamptz '2030-01-01 12:00:00+00')$$,
    'both copies are deleted, at once'
);
select is(
    (select max(due_at) from private.file_jobs), timestamptz '2030-01-01 12:10:00+00',
    'and once more when a copy that was being made has ended'
);
select is(pg_temp.listed(), 0::bigint, 'and it is not listed');
select tests.throws_code(
    format($$select pg_temp.review(%L, %L, 'approve')$$, :'admin', :'item_id'), 'illegal_state', 'for good'
);
select tests.act_as(:'ann');
select is(
    public.publish_to_showcase(:'task_id') ->> 'status', 'taken_down', 'handing it in again changes nothing'
);
select is(public.remove_from_showcase(:'item_id'), '{"removed": true}'::jsonb, 'withdrawing it is accepted');
select is(
    public.publish_to_showcase(:'task_id') ->> 'status', 'taken_down', 'and is no way to hand it in again'
);
select tests.stop_acting();

-- Rejected ---------------------------------------------------------------------------------------------------------
select tests.create_video(:'ann', 'completed') as second \gset
delete from private.file_jobs;
select tests.act_as(:'ann');
select public.publish_to_showcase(:'second') ->> 'id' as second_item \gset
select tests.stop_acting();
select worker_api.complete_file_job((c ->> 'file_job_id')::bigint, (c ->> 'lease_token')::uuid)
from worker_api.claim_file_jobs('w', 50, '{copy}') as c;
select is(
    pg_temp.review(:'admin', :'second_item', 'reject', 'Blurred.') ->> 'status', 'rejected', 'a reviewer says no'
);
select is(
    (select count(distinct path) from private.file_jobs where kind = 'delete'), 1::bigint, 'its copy is deleted'
);

-- Taken down while it is being copied ------------------------------------------------------------------------------
select tests.create_video(:'ann', 'completed') as third \gset
delete from private.file_jobs;
select tests.act_as(:'ann');
select public.publish_to_showcase(:'third') ->> 'id' as third_item \gset
select tests.stop_acting();
select c from worker_api.claim_file_jobs('w', 50, '{copy}') as c \gset
select pg_temp.review(:'admin', :'third_item', 'take_down', 'No.');
select is_empty($$select from private.file_jobs where kind = 'copy'$$, 'the copy is called off');
select is(
    worker_api.complete_file_job((:'c'::jsonb ->> 'file_job_id')::bigint, (:'c'::jsonb ->> 'lease_token')::uuid),
    '{"result": "already_applied"}'::jsonb, 'the worker that made it all the same is told that all is done'
);
select is(pg_temp.status(:'third_item'), 'taken_down', 'and brings nothing back');
select is(
    (select count(*) from private.file_jobs where kind = 'delete' and due_at > private.now()), 1::bigint,
    'what it left is deleted later'
);

select finish();
rollback;
