begin;
select plan(24);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
select tests.act_as(:'ann');
select public.generate_video('a secret', negative_prompt => 'x', idempotency_key => 'key-1') ->> 'task_id' as done \gset
select tests.stop_acting();
select tests.bring_to(:'done', 'transfer') as lease \gset
select tests.must_apply(
    worker_api.complete_video(
        :'done', :'lease', tests.stored_video(jsonb_build_object('thumbnail_path', :'ann' || '/' || :'done' || '.jpg'))
    )
);
select tests.create_video(:'ann', 'failed') as failed \gset
select tests.create_video(:'bob', 'completed') as bobs \gset
select tests.set_time('2031-03-05 10:00:00+00');
delete from private.file_jobs;

select tests.act_as(:'bob');
select tests.throws_code(
    format('select public.delete_video(%L)', :'done'), 'task_not_found', 'somebody else is told that there is none'
);
select tests.act_as(:'ann');
select tests.throws_code(format('select public.delete_video(%L)', gen_random_uuid()), 'task_not_found');
select is(public.delete_video(:'done'), '{"deleted": true}'::jsonb, 'its owner deletes it');
select tests.stop_acting();
select tests.advance_time('1 hour');
select tests.act_as(:'ann');
select is(public.delete_video(:'done'), '{"deleted": true}'::jsonb, 'repeating it is fine');
select is(public.delete_video(:'failed'), '{"deleted": true}'::jsonb, 'a failed one too');
select is_empty('select v.id from public.videos as v', 'they are gone from the view');
select is_empty('select h.id from public.video_generation_history as h', 'and from the table');
select is(public.list_videos() -> 'items', '[]', 'from the list');
select is(public.list_generations() -> 'items', '[]', 'and from the list of everything');
select tests.throws_code(format('select public.get_video_status(%L)', :'done'), 'task_not_found');
select tests.throws_code(format('select public.rate_video(%L, 5)', :'done'), 'task_not_found');
select tests.throws_code(format('select public.cancel_video(%L)', :'done'), 'task_not_found');
select is(
    public.generate_video('something else', idempotency_key => 'key-1') ->> 'task_id', :'done',
    'its key stays used: a late repeat of the order buys nothing'
);
select tests.stop_acting();

select is(
    to_jsonb(tests.task(:'done')) - '{id,account_id,user_id,charge_id,operation_id,google_video_url,resolving_lease,
        created_at,completed_at,downloaded_at,ended_at,deleted_at,sha256}'::text[],
    '{"status": "completed", "prompt": null, "negative_prompt": null, "aspect_ratio": "16:9", "resolution": "720p",
      "duration": 8, "model": "veo-3.1", "reference_image_bucket": null, "reference_image_path": null, "request": {},
      "idempotency_key": "key-1", "credit_cost": 80, "refund_id": null, "retry_of": null,
      "permanent_video_url": null, "thumbnail_url": null, "file_size_bytes": 1000, "width": 1280, "height": 720,
      "video_duration": 8.0, "error_code": null, "error_message": null, "retry_count": 0,
      "charge_type": "video_generation", "charge_amount": -80, "refund_type": "video_refund"}'::jsonb,
    'the content is blank; id, cost and key stay'
);
select is(
    (tests.task(:'done')).deleted_at, '2031-03-05 10:00:00+00'::timestamptz, 'as does when it was deleted first'
);
select is((tests.task(:'bobs')).prompt, 'a red fox in the snow', 'what is somebody else''s is as it was');
select results_eq(
    'select f.kind, f.bucket, f.path from private.file_jobs as f order by f.path',
    format(
        $$values ('delete', 'videos', %1$L), ('delete', 'videos', %2$L)$$,
        :'ann' || '/' || :'done' || '.jpg', :'ann' || '/' || :'done' || '.mp4'
    ),
    'clip and poster are queued for deletion, once'
);
select is(
    (select count(*) from public.credit_transactions as t where t.task_id in (:'done', :'failed')), 3::bigint,
    'two charges and a refund stay in the ledger'
);
select is_empty('select * from private.audit_ledger()', 'and the audit is content');

-- Not while it is live.
select count(tests.create_video(:'ann', s.status)) as ignored
from (values ('pending'), ('processing'), ('downloading')) as s (status) \gset
select tests.act_as(:'ann');
select is(
    tests.error_of(format('select public.delete_video(%L)', v.id)) - '{message,hint,headers,status}'::text[],
    jsonb_build_object(
        'code', 'illegal_state', 'details', jsonb_build_object(
            'status', v.status, 'stage', case v.status
                when 'pending' then 'submit' when 'processing' then 'poll' else 'transfer'
            end
        )
    ),
    'not one that is ' || v.status
)
from public.videos as v
order by v.created_at;
select is((select count(*) from public.videos), 3::bigint, 'and they are as they were');
select tests.act_as_role('anon');
select throws_ok(
    format('select public.delete_video(%L)', :'done'), '42501', 'permission denied for function delete_video',
    'signed out nobody can call it'
);
select tests.stop_acting();

select finish();
rollback;
