begin;
select plan(11);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(100) as user_id \gset
select tests.create_rich_user(100) as other_user \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset
insert into storage.objects (bucket_id, name) values ('reference-images', :'user_id' || '/fox.png');
select tests.count_rows() as before \gset

select tests.act_as(:'user_id');
select public.generate_video(
    'a fox', 6, '1080p', '9:16', 'snow', :'user_id' || '/fox.png', null, 'veo-3.1', 'key-1'
) as answer \gset
select tests.stop_acting();
select :'answer'::jsonb ->> 'task_id' as task_id \gset

select is(
    :'answer'::jsonb - 'task_id',
    '{"status": "pending", "credit_cost": 90, "balance": 10, "estimated_seconds": 90,
      "created_at": "2031-03-05T10:00:00+00:00"}'::jsonb,
    'the answer has task, status, price, balance, estimate and time'
);
select is(
    to_jsonb(h) - array['id', 'charge_id'],
    jsonb_build_object(
        'account_id', :'account_id', 'user_id', :'user_id', 'status', 'pending', 'prompt', 'a fox',
        'negative_prompt', 'snow', 'aspect_ratio', '9:16', 'resolution', '1080p', 'duration', 6, 'model', 'veo-3.1',
        'reference_image_bucket', 'reference-images', 'reference_image_path', :'user_id' || '/fox.png',
        'idempotency_key', 'key-1', 'credit_cost', 90, 'retry_count', 0, 'created_at', '2031-03-05T10:00:00+00:00',
        'charge_type', 'video_generation', 'charge_amount', -90, 'refund_type', 'video_refund',
        'request', jsonb_build_object(
            'prompt', 'a fox', 'negative_prompt', 'snow', 'aspect_ratio', '9:16', 'resolution', '1080p',
            'duration', 6, 'model', 'veo-3.1', 'reference_image_path', :'user_id' || '/fox.png'
        )
    ) || '{
        "refund_id": null, "retry_of": null, "operation_id": null, "google_video_url": null,
        "permanent_video_url": null, "thumbnail_url": null, "file_size_bytes": null, "sha256": null, "width": null,
        "height": null, "video_duration": null, "error_code": null, "error_message": null, "resolving_lease": null,
        "completed_at": null, "downloaded_at": null, "ended_at": null, "deleted_at": null
    }',
    'the task holds what was asked, and nothing more yet'
)
from public.video_generation_history as h
where h.id = :'task_id';
select is(
    jsonb_build_array(
        t.entry_no, t.type, t.amount, t.balance_before, t.balance_after, t.actor, t.id = h.charge_id, t.idempotency_key
    ),
    '[2, "video_generation", -90, 100, 10, "user", true, null]'::jsonb,
    'the charge is the next entry of the ledger, and the task names it'
)
from public.credit_transactions as t
inner join public.video_generation_history as h on h.id = t.task_id
where t.task_id = :'task_id';
select is(
    to_jsonb(j) - array['task_id', 'account_id'],
    '{
        "model": "veo-3.1", "stage": "submit", "due_at": "2031-03-05T10:00:00+00:00",
        "deadline_at": "2031-03-05T10:30:00+00:00", "lease_token": null, "leased_by": null, "attempt_lease": null,
        "last_lease": null, "submit_attempt": 0, "refusals": 0, "last_refusal": null, "download_attempt": 0,
        "counts_for_limit": true
    }'::jsonb,
    'the job is due at once, with the deadline of submission'
)
from private.video_jobs as j
where j.task_id = :'task_id' and j.account_id = :'account_id';
select is(
    (
        select jsonb_object_agg(a.key, a.value::integer - (:'before'::jsonb ->> a.key)::integer)
        from jsonb_each(tests.count_rows()) as a
        where a.value <> :'before'::jsonb -> a.key
    ),
    '{"credit_transactions": 1, "video_generation_history": 1, "private.video_jobs": 1, "net.http_request_queue": 1}',
    'one entry, one task, one job, one request to wake the worker: no other row anywhere'
);
select is(
    (select jsonb_build_array(a.balance, a.debt, a.last_entry_no) from public.credit_accounts as a
        where a.id = :'account_id'),
    '[10, 0, 2]'::jsonb, 'the balance is down by the price'
);
select is(tests.balance_of(:'other_user'), 100, 'nobody else pays');
set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select tests.act_as(:'user_id');
select is(
    public.get_credits(), '{"balance": 10, "active_tasks": 1, "concurrent_limit": 3}'::jsonb, 'he sees the rest'
);
select is(
    public.get_video_status(:'task_id') ->> 'status', 'pending', 'and the task'
);
select is(
    (select count(*) from public.videos), 1::bigint, 'also over REST'
);

select finish();
rollback;
