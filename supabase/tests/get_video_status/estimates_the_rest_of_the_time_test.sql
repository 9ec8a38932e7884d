begin;
select plan(8);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video_of(:'user_id') as task_id \gset
select tests.order_video_of(:'user_id', 8, '1080p') as large_id \gset

create function pg_temp.times(p_user_id text, p_task_id text, p_after interval) returns text
language plpgsql
as $$
declare
    v_status jsonb;
begin
    perform tests.set_time('2031-03-05 10:00:00+00'::timestamptz + p_after);
    perform tests.act_as(p_user_id::uuid);
    v_status := public.get_video_status(p_task_id::uuid);
    perform tests.stop_acting();
    return concat_ws(
        ' ', v_status ->> 'elapsed_seconds', v_status ->> 'estimated_remaining_seconds', v_status ->> 'is_overdue'
    );
end
$$;

select is(pg_temp.times(:'user_id', :'task_id', '0 seconds'), '0 60 false', 'at first the typical time');
select is(pg_temp.times(:'user_id', :'task_id', '20 seconds'), '20 40 false', 'which runs down');
select is(pg_temp.times(:'user_id', :'task_id', '90 seconds'), '90 0 false', 'to zero, not below');
select is(pg_temp.times(:'user_id', :'task_id', '180 seconds'), '180 0 false', 'until slow');
select is(pg_temp.times(:'user_id', :'task_id', '181 seconds'), '181 0 true', 'and then overdue');
select is(pg_temp.times(:'user_id', :'large_id', '20 seconds'), '20 70 false', '1080p takes longer');

-- Times that changed after the order do not move its estimate.
insert into public.video_model_options (
    model, resolution, duration, valid_from, usd_per_second, typical_seconds, slow_seconds
) values ('veo-3.1', '720p', 8, '2031-03-05 10:00:10+00', 0.75, 500, 900);
select is(
    pg_temp.times(:'user_id', :'task_id', '20 seconds'), '20 40 false', 'an order keeps the estimate of its time'
);
delete from public.video_model_options where model = 'veo-3.1';
select is(
    pg_temp.times(:'user_id', :'task_id', '20 seconds'), '20 0 false', 'and without options there is none'
);

select finish();
rollback;
