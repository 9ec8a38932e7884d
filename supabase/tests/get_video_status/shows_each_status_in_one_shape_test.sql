begin;
select plan(11);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');

select tests.create_video(:'user_id', 'pending') as pending \gset
select tests.create_video(:'user_id', 'processing') as processing \gset
select tests.create_video(:'user_id', 'downloading') as downloading \gset
select tests.create_video(:'user_id', 'cancelled') as cancelled \gset
select tests.create_video(:'user_id', 'completed') as plain \gset
-- Started now, ended a hundred seconds later.
select tests.order_video(:'user_id') as completed \gset
select tests.bring_to(:'completed', 'transfer') as completed_lease \gset
select tests.order_video(:'user_id') as failed \gset
select tests.bring_to(:'failed', 'submitting') as failed_lease \gset
select tests.advance_time('100 seconds');
select tests.store_file(:'completed');
select tests.must_apply(
    worker_api.complete_video(
        :'completed', :'completed_lease',
        tests.stored_video(
            jsonb_build_object('size_bytes', 1000, 'thumbnail_path', :'user_id' || '/' || :'completed' || '.jpg')
        )
    )
);
select tests.must_apply(
    worker_api.fail_video(:'failed', :'failed_lease', 'safety_filter', '{"message": "raw words of the provider"}')
);
select tests.advance_time('81 seconds');

select tests.act_as(:'user_id');
select is(
    public.get_video_status(:'pending'),
    jsonb_build_object('task_id', :'pending') || '{
        "status": "pending", "created_at": "2031-03-05T10:00:00+00:00", "completed_at": null,
        "elapsed_seconds": 181, "estimated_remaining_seconds": 0, "is_overdue": true, "credit_cost": 80,
        "refunded_credits": 0, "retry_count": 0, "retry_of": null, "video": null, "error": null
    }',
    'pending: no video, no error, late after three minutes'
);
select is(
    public.get_video_status(:'processing') - 'task_id',
    public.get_video_status(:'pending') - 'task_id' || '{"status": "processing"}', 'processing'
);
select is(
    public.get_video_status(:'downloading') - 'task_id',
    public.get_video_status(:'pending') - 'task_id' || '{"status": "downloading"}', 'downloading'
);
select is(
    public.get_video_status(:'completed') - 'task_id',
    jsonb_build_object(
        'video', jsonb_build_object(
            'bucket', 'videos', 'path', :'user_id' || '/' || :'completed' || '.mp4',
            'thumbnail_path', :'user_id' || '/' || :'completed' || '.jpg',
            'duration', 8, 'width', 1280, 'height', 720, 'file_size_bytes', 1000
        )
    ) || '{
        "status": "completed", "created_at": "2031-03-05T10:00:00+00:00",
        "completed_at": "2031-03-05T10:01:40+00:00", "elapsed_seconds": 100, "estimated_remaining_seconds": 0,
        "is_overdue": false, "credit_cost": 80, "refunded_credits": 0, "retry_count": 0, "retry_of": null,
        "error": null
    }',
    'completed: where the file is; the time that passed stands still'
);
select is(
    public.get_video_status(:'failed') - array['task_id', 'error'],
    '{
        "status": "failed", "created_at": "2031-03-05T10:00:00+00:00", "completed_at": null,
        "elapsed_seconds": 100, "estimated_remaining_seconds": 0, "is_overdue": false, "credit_cost": 80,
        "refunded_credits": 80, "retry_count": 0, "retry_of": null, "video": null
    }'::jsonb,
    'failed: the credits are back'
);
select is(
    public.get_video_status(:'failed') #>> '{error,code}', 'safety_filter', 'with the reason'
);
select is(
    public.get_video_status(:'failed') #>> '{error,message}' like '%credits are back%'
    and public.get_video_status(:'failed')::text not like '%raw words%',
    true, 'in words for him, never the provider''s own'
);
select is(
    public.get_video_status(:'cancelled') - array['task_id', 'created_at'],
    '{
        "status": "cancelled", "completed_at": null, "elapsed_seconds": 0, "estimated_remaining_seconds": 0,
        "is_overdue": false, "credit_cost": 80, "refunded_credits": 80, "retry_count": 0, "retry_of": null,
        "video": null, "error": null
    }'::jsonb,
    'cancelled: the credits are back, and nothing went wrong'
);

-- A clip without a poster frame, refunded by goodwill, and a task with failed transfers.
select tests.stop_acting();
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset
select private.post_entry(:'account_id', 'goodwill_refund', 30, 'test', :'plain') is not null as ignored \gset
update public.video_generation_history set retry_count = 2 where id = :'plain';
select tests.act_as(:'user_id');
select is(
    public.get_video_status(:'plain') #> '{video,thumbnail_path}', 'null', 'a video may have no poster frame'
);
select is(
    public.get_video_status(:'plain') -> 'refunded_credits', '30', 'goodwill counts as refunded'
);
select is(public.get_video_status(:'plain') -> 'retry_count', '2', 'failed transfers are counted');

select finish();
rollback;
