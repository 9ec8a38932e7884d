-- USD come to the day of the call and leave it again, at the price of that moment, whatever else there is.
begin;
select plan(18);

select tests.set_time('2030-01-01 23:59:50+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
delete from private.model_brakes;
select tests.create_rich_user(10000) as user_id \gset

-- Giving back --------------------------------------------------------------------------------------------------------
select tests.order_video_of(:'user_id', 4, '720p', 'veo-3.1-fast') as cheap \gset
select tests.bring_to(:'cheap', 'submitting') as lease \gset
select is(tests.spend_today(), 0.40, 'a clip for less than a dollar is booked');
select tests.set_time('2030-01-02 00:00:01+00');
select tests.bring_to(tests.order_video_of(:'user_id', 8), 'submitting');
select is(tests.spend_today(), 6.00, 'the next day begins with a dear one');
select worker_api.requeue_submit(:'cheap', 1, 'refused', '{}', null);
delete from private.model_brakes;
select results_eq(
    'select d.day, d.usd from private.daily_spend as d order by d.day',
    $$values ('2030-01-01'::date, 0.00), ('2030-01-02', 6.00)$$, 'what is given back comes from the day of its call'
);
select is((tests.call(:'cheap')).ended_at, private.now(), 'a refused call has ended');

-- What nobody knows has not ended, and what is adopted is this attempt's ---------------------------------------------
select worker_api.begin_submit(:'cheap', tests.claim(:'cheap'));
select worker_api.requeue_submit(:'cheap', 2, 'unknown', '{}', null);
select is(
    row((tests.call(:'cheap', 2)).outcome, (tests.call(:'cheap', 2)).ended_at)::text, '(unknown,)',
    'a call of which nobody knows has not ended'
);
select tests.must_apply(
    worker_api.record_poll(:'cheap', tests.claim(:'cheap'), 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}')
);
select is((tests.call(:'cheap', 2)).operation_id, 'adopted:' || :'cheap' || '/2/', 'its clip is adopted');
select is((tests.call(:'cheap', 1)).operation_id, null, 'and the attempt before it has none');

-- The cap itself -----------------------------------------------------------------------------------------------------
select is(private.reserve_spend('2031-01-01', 0.40, 0.40), true, 'one clip may take the whole cap of a day');
select is(private.reserve_spend('2031-01-01', 0.01, 0.40), false, 'and not a cent goes on top');
select is(private.reserve_spend('2031-01-02', 0.41, 0.40), false, 'nor at once');

-- A call that is accepted after all ----------------------------------------------------------------------------------
-- Everything but the right option is newer, and dearer.
select tests.set_time('2030-02-01 12:00:00+00');
insert into public.video_model_options (
    model, resolution, duration, valid_from, usd_per_second, typical_seconds, slow_seconds
)
values
('veo-3.1', '720p', 6, '2030-02-01 12:00:00+00', 0.11, 60, 180),
('veo-3.1', '1080p', 6, '2030-02-01 12:00:00.001+00', 0.92, 60, 180),
('veo-3.1', '720p', 8, '2030-02-01 12:00:00.001+00', 0.93, 60, 180),
('veo-3.1-fast', '720p', 6, '2030-02-01 12:00:00.001+00', 0.94, 60, 180),
('veo-3.1', '720p', 6, '2030-02-01 12:00:00.002+00', 0.95, 60, 180);
select tests.order_video_of(:'user_id', 6) as late \gset
select tests.order_video_of(:'user_id', 8) as other \gset
select tests.bring_to(:'other', 'submitting');
select worker_api.requeue_submit(:'other', 1, 'refused', '{}', null);
delete from private.model_brakes;
select tests.bring_to(:'late', 'submitting');
select worker_api.requeue_submit(:'late', 1, 'refused', '{}', null);
delete from private.model_brakes;
select worker_api.begin_submit(:'late', tests.claim(:'late'));
select worker_api.requeue_submit(:'late', 2, 'refused', '{}', null);
delete from private.model_brakes;
select is(tests.spend_today(), 0.00, 'three calls were refused');
-- The others' prices are there by the time of the call, that of the same option one moment later.
update private.provider_calls set created_at = '2030-02-01 12:00:00.001+00' where task_id = :'late';
select worker_api.record_operation(:'late', 1, 'operations/late');
select is((tests.call(:'late')).usd, 0.66, 'an accepted one costs what its option cost then');
select is((tests.call(:'late', 2)).usd, 0.00, 'its next attempt nothing');
select is((tests.call(:'other')).usd, 0.00, 'and another task''s nothing');
select is(tests.spend_today(), 0.66, 'that is booked');
update private.provider_calls set created_at = '2030-02-01 12:00:00.002+00' where task_id = :'late';
select worker_api.record_operation(:'late', 2, 'operations/later');
select is((tests.call(:'late', 2)).usd, 5.70, 'a price counts from its first moment on');

update private.provider_calls set created_at = '2000-01-01' where task_id = :'other';
select worker_api.record_operation(:'other', 1, 'operations/other');
select is(
    row((tests.call(:'other')).outcome, (tests.call(:'other')).usd)::text, '(late,0)',
    'without a price the call is noted all the same'
);
select is(tests.spend_today(), 6.36, 'for nothing');

select finish();
rollback;
