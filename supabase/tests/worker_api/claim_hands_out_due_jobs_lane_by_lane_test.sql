-- Submits, polls and transfers are claimed apart; each claim is a new lease that hides the job from others.
begin;
select plan(25);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.video_jobs;
select tests.create_rich_user(10000) as first_user \gset
select tests.create_rich_user(10000) as second_user \gset

-- What a claim says --------------------------------------------------------------------------------------------------
select tests.order_video(:'first_user') as task \gset

select is(
    (select c - 'lease_token' from worker_api.claim_jobs('worker-1', 1, 1, 1) as c),
    jsonb_build_object(
        'task_id', :'task'::uuid, 'stage', 'submit', 'lease_expires_at', '2030-01-01T12:01:00+00:00'::timestamptz,
        'provider', 'vertex', 'model', 'veo-3.1', 'provider_model', 'veo-3.1-generate-001',
        'submit_attempt', 0, 'download_attempt', 0, 'operation_id', null, 'output_prefix', null,
        'google_video_url', null, 'deadline_at', '2030-01-01T12:30:00+00:00'::timestamptz,
        'request', jsonb_build_object(
            'prompt', 'a red fox in the snow', 'negative_prompt', null, 'duration', 8, 'resolution', '720p',
            'aspect_ratio', '16:9', 'reference_image', null
        ),
        'output', jsonb_build_object(
            'bucket', 'videos', 'video_path', :'first_user' || '/' || :'task' || '.mp4',
            'thumbnail_path', :'first_user' || '/' || :'task' || '.jpg'
        )
    ),
    'a claim says all a worker needs to submit'
);
select is(
    (select row(j.leased_by, j.due_at)::text from private.video_jobs as j where j.task_id = :'task'),
    row('worker-1', '2030-01-01 12:01:00+00'::timestamptz)::text,
    'the job is leased to the worker until then'
);
select is_empty(
    $$select worker_api.claim_jobs('worker-2', 50, 50, 50)$$,
    'nobody else gets a leased job'
);

-- A lease that ran out -----------------------------------------------------------------------------------------------
select lease_token as first_lease from private.video_jobs where task_id = :'task' \gset
select tests.advance_time('59.999 seconds');
select is_empty($$select worker_api.claim_jobs('worker-2', 50, 50, 50)$$, 'not before its lease has run out');

select tests.advance_time('1 millisecond');
select worker_api.claim_jobs('worker-2', 50, 50, 50) ->> 'lease_token' as second_lease \gset
select isnt(:'second_lease'::text, :'first_lease', 'then it is handed out again, under a new lease');
select is((tests.job(:'task')).leased_by, 'worker-2', 'to whoever asks first');
select is((tests.job(:'task')).stage, 'submit', 'a job that was not begun is still to be submitted');

-- The create call of a worker that vanished --------------------------------------------------------------------------
select tests.must_apply(worker_api.begin_submit(:'task', :'second_lease'));
select tests.advance_time('60 seconds');
select is_empty(
    $$select worker_api.claim_jobs('worker-3', 50, 0, 50)$$,
    'a create call in flight is never handed out as a submit'
);
select is(
    (
        select c - '{lease_token,request,output,lease_expires_at}'::text[]
        from worker_api.claim_jobs('worker-3', 50, 50, 50) as c
    ),
    jsonb_build_object(
        'task_id', :'task'::uuid, 'stage', 'reconcile', 'provider', 'vertex', 'model', 'veo-3.1',
        'provider_model', 'veo-3.1-generate-001', 'submit_attempt', 1, 'download_attempt', 0, 'operation_id', null,
        'output_prefix', :'task' || '/1/', 'google_video_url', null,
        'deadline_at', '2030-01-01T12:11:00+00:00'::timestamptz
    ),
    'but as reconcile, with the prefix to look under and the end of the search'
);
select is((tests.job(:'task')).stage, 'reconcile', 'and stays so');

-- What a poll and a transfer are told --------------------------------------------------------------------------------
select tests.must_apply(worker_api.record_operation(:'task', 1, 'operations/1'));
select tests.advance_time('9 seconds');
select is_empty($$select worker_api.claim_jobs('worker-1', 50, 50, 50)$$, 'a poll waits for its interval');
select tests.advance_time('1 second');
select worker_api.claim_jobs('worker-1', 50, 50, 50) as claimed \gset
select is(
    :'claimed'::jsonb - '{lease_token,request,output,lease_expires_at,provider,model,provider_model}'::text[],
    jsonb_build_object(
        'task_id', :'task'::uuid, 'stage', 'poll', 'submit_attempt', 1, 'download_attempt', 0,
        'operation_id', 'operations/1', 'output_prefix', :'task' || '/1/', 'google_video_url', null,
        'deadline_at', '2030-01-01T12:17:00+00:00'::timestamptz
    ),
    'a poll is told its operation and deadline'
);
select tests.must_apply(
    worker_api.record_poll(
        :'task', (:'claimed'::jsonb ->> 'lease_token')::uuid, 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}'
    )
);
select worker_api.claim_jobs('worker-1', 50, 50, 50) as claimed \gset
select is(
    :'claimed'::jsonb - '{lease_token,request,output,lease_expires_at,provider,model,provider_model}'::text[],
    jsonb_build_object(
        'task_id', :'task'::uuid, 'stage', 'transfer', 'submit_attempt', 1, 'download_attempt', 0,
        'operation_id', null, 'output_prefix', :'task' || '/1/', 'google_video_url', 'gs://clips/1.mp4',
        'deadline_at', '2030-01-03T12:02:10+00:00'::timestamptz
    ),
    'a transfer is due at once, and told where the clip is and when it expires there'
);

-- Slots and lanes ----------------------------------------------------------------------------------------------------
delete from private.video_jobs;
select tests.configure('video_concurrent_limit', '1000');
select tests.configure('video_submit_per_minute', '10000');
select tests.order_video(:'second_user') from generate_series(1, 60);

select is((select count(*) from worker_api.claim_jobs('w', 0, 0, 0)), 0::bigint, 'no slots, no jobs');
select is((select count(*) from worker_api.claim_jobs('w', -5, null, 0)), 0::bigint, 'nor with less than none');
select is(
    (select count(*) from worker_api.claim_jobs('w', 0, 50, 50)), 0::bigint,
    'slots of another lane bring nothing'
);
select is((select count(*) from worker_api.claim_jobs('w', 3, 50, 50)), 3::bigint, 'at most the slots asked for');
select is(
    (select count(*) from worker_api.claim_jobs('w', 1000, 0, 0)), 50::bigint, 'and at most a batch, whatever is asked'
);
select tests.configure('video_batch_size', '5');
select is((select count(*) from worker_api.claim_jobs('w', 50, 0, 0)), 5::bigint, 'the batch is configured');
select tests.configure('video_batch_size', '50');
select is((select count(*) from worker_api.claim_jobs('w', 50, 0, 0)), 2::bigint, 'then what is left');
select is(
    (select count(distinct lease_token) from private.video_jobs), 60::bigint, 'every job has a lease of its own'
);

-- Order --------------------------------------------------------------------------------------------------------------
update private.video_jobs set lease_token = null, leased_by = null, due_at = private.now() + interval '1 day';
update private.video_jobs as j
set due_at = private.now() - o.place * interval '1 second'
from (select task_id, row_number() over (order by task_id) as place from private.video_jobs limit 3) as o
where j.task_id = o.task_id;

select results_eq(
    $$select c ->> 'task_id' from worker_api.claim_jobs('w', 2, 0, 0) as c order by 1$$,
    $$
        select task_id::text from (
            select task_id from private.video_jobs where due_at < private.now() + interval '1 day'
            order by task_id limit 3
        ) as o
        order by 1 offset 1
    $$,
    'those that fell due first come first'
);
select is((select count(*) from worker_api.claim_jobs('w', 50, 0, 0)), 1::bigint, 'what is not due yet is not claimed');

delete from private.video_jobs;
select tests.order_video(:'first_user') as fresh_clip \gset
select tests.bring_to(:'fresh_clip', 'transfer');
select tests.order_video(:'second_user') as old_clip \gset
select tests.bring_to(:'old_clip', 'transfer');
update private.video_jobs
set lease_token = null, leased_by = null, due_at = private.now(), deadline_at = private.now() + interval '1 hour'
where task_id = :'old_clip';
update private.video_jobs
set lease_token = null, leased_by = null, due_at = private.now() - interval '1 minute'
where task_id = :'fresh_clip';

select is(
    (select c ->> 'task_id' from worker_api.claim_jobs('w', 0, 0, 1) as c), :'old_clip',
    'the transfer whose file expires first comes first, however long others have been due'
);
select is(
    (select c ->> 'task_id' from worker_api.claim_jobs('w', 0, 0, 1) as c), :'fresh_clip', 'then the next'
);

select finish();
rollback;
