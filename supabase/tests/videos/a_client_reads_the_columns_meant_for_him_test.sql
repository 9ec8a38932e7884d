-- What supabase-js does: from('videos').select('*'), and the table itself by column.
begin;
select plan(20);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select tests.configure('video_concurrent_limit', '100');
select tests.create_video(:'ann', 'completed') as task_id \gset
select tests.create_video(:'ann', 'pending') as pending_id \gset
select tests.create_video(:'bob', 'pending') as bobs_id \gset
select tests.create_video(:'ann', 'cancelled') as deleted_id \gset
update public.video_generation_history set deleted_at = private.now() where id = :'deleted_id';

select columns_are(
    'public', 'videos',
    array[
        'id', 'user_id', 'status', 'prompt', 'negative_prompt', 'aspect_ratio', 'resolution', 'duration', 'model',
        'reference_image_bucket', 'reference_image_path', 'credit_cost', 'retry_of', 'permanent_video_url',
        'thumbnail_url', 'file_size_bytes', 'width', 'height', 'video_duration', 'error_code', 'error_message',
        'retry_count', 'created_at', 'completed_at', 'downloaded_at'
    ], 'the view has every column a client may read'
);
select is(
    (
        select array_agg(a.attname order by a.attname)
        from pg_catalog.pg_attribute as a
        where a.attrelid = 'public.video_generation_history'::regclass and a.attnum > 0 and not a.attisdropped
            and not has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')
    )::text[],
    array[
        'account_id', 'charge_amount', 'charge_id', 'charge_type', 'ended_at', 'google_video_url', 'idempotency_key',
        'operation_id', 'refund_id', 'refund_type', 'request', 'resolving_lease', 'sha256'
    ], 'these are not for clients'
);

select tests.act_as(:'ann');
select set_eq(
    'select id from public.videos', array[:'task_id'::uuid, :'pending_id'::uuid],
    'hers, without Bob''s and without what she deleted'
);
select set_eq(
    'select id from public.video_generation_history', array[:'task_id'::uuid, :'pending_id'::uuid],
    'the same by the table'
);
select lives_ok('select * from public.videos', 'select * works on the view');
select throws_ok('select * from public.video_generation_history', '42501', null, 'but not on the table');
select throws_ok('select google_video_url from public.video_generation_history', '42501', null, 'no Google URL');
select throws_ok('select operation_id from public.video_generation_history', '42501', null, 'no operation id');
select throws_ok(
    $$select id from public.video_generation_history where operation_id = 'x'$$, '42501', null, 'not even by a filter'
);
select throws_ok(
    $$select id from public.video_generation_history order by sha256$$, '42501', null, 'or by an order'
);
select is((select count(*) from public.videos), 2::bigint, 'a count is of hers alone');

-- Nothing can be written.
select throws_ok(
    format($$update public.videos set status = 'completed' where id = %L$$, :'pending_id'), '42501', null,
    'no update by the view'
);
select throws_ok(
    format($$update public.video_generation_history set credit_cost = 0 where id = %L$$, :'pending_id'), '42501', null,
    'nor of the table'
);
select throws_ok('delete from public.videos', '42501', null, 'no deletion');
select throws_ok('delete from public.video_generation_history', '42501', null, 'neither way');
select throws_ok(
    format(
        $$insert into public.video_generation_history (user_id, aspect_ratio, resolution, duration, model)
        values (%L, '16:9', '720p', 8, 'veo-3.1')$$, :'ann'
    ), '42501', null, 'no insert'
);
select throws_ok('select * from private.video_jobs', '42501', null, 'the queue is out of sight');

select tests.act_as_role('anon');
select throws_ok('select id from public.videos', '42501', null, 'a visitor sees no video');
select tests.act_as_role('service_role');
select is(
    (select count(*) from public.videos where id in (:'task_id', :'pending_id', :'bobs_id')), 3::bigint,
    'service_role sees everybody''s'
);
select throws_ok(
    $$update public.video_generation_history set status = 'failed'$$, '42501', null, 'and writes none'
);

select finish();
rollback;
