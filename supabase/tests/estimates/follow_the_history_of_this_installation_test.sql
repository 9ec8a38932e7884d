begin;
select plan(18);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(10000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');

-- Completed tasks of one kind that took these seconds.
create function pg_temp.took(p_seconds double precision[], p_resolution text default '720p') returns void
language plpgsql
as $$
begin
    -- A tenth of these failed, and a few are too many.
    perform tests.fill_history(a.user_id, cardinality(p_seconds) * 10 / 9 + 10, 0, private.now() - interval '1 day')
    from public.credit_accounts as a
    where a.user_id is not null
    limit 1;
    update public.video_generation_history as h
    set
        resolution = p_resolution,
        completed_at = h.created_at + n.seconds * interval '1 second',
        downloaded_at = h.created_at + n.seconds * interval '1 second',
        ended_at = h.created_at + n.seconds * interval '1 second',
        prompt = 'counted'
    from (
        select
            f.id,
            p_seconds[row_number() over (order by f.id)] as seconds
        from public.video_generation_history as f
        where f.prompt like 'video %' and f.status = 'completed'
    ) as n
    where h.id = n.id and n.seconds is not null;
    delete from public.video_generation_history as h where h.prompt like 'video %';
end
$$;

create function pg_temp.estimate(
    p_user_id text,
    p_after integer default 0,
    p_resolution text default '720p'
) returns text
language plpgsql
as $$
declare
    v_task jsonb;
    v_status jsonb;
    v_begin timestamptz := private.now();
begin
    perform tests.act_as(p_user_id::uuid);
    v_task := public.generate_video('a fox', resolution => p_resolution, idempotency_key => gen_random_uuid()::text);
    perform tests.stop_acting();
    perform tests.advance_time(p_after * interval '1 second');
    perform tests.act_as(p_user_id::uuid);
    v_status := public.get_video_status((v_task ->> 'task_id')::uuid);
    perform tests.stop_acting();
    perform tests.set_time(v_begin);
    return concat_ws(
        ' ', v_task ->> 'estimated_seconds', v_status ->> 'estimated_remaining_seconds', v_status ->> 'is_overdue'
    );
end
$$;

select is(private.refresh_estimates(), 0, 'there is nothing to count at first');
select is(pg_temp.estimate(:'user_id'), '60 60 false', 'the catalogue says what to expect');

-- Fewer than video_estimate_min_samples are no history.
select pg_temp.took(array_fill(30.0::double precision, array[19]));
select is(private.refresh_estimates(), 0, 'nineteen are not enough');
select is(pg_temp.estimate(:'user_id'), '60 60 false', 'so the catalogue still does');
delete from public.video_generation_history where prompt = 'counted';

-- A known distribution: half are done after 120 s, nine of ten after 200 s, evenly from 20 s to 220 s.
select pg_temp.took(array(select 20.0 + s from generate_series(1, 200) as s));
select is(private.refresh_estimates(), 1, 'one kind of clip has a history');
select ok(
    abs(e.typical_seconds - 120) <= 12 and abs(e.slow_seconds - 200) <= 20,
    format('median %s of 120 and 90th percentile %s of 200 are within 10 %%', e.typical_seconds, e.slow_seconds)
)
from private.duration_estimates as e;
select is(pg_temp.estimate(:'user_id', 0), '120 120 false', 'an order is told the median');
select is(pg_temp.estimate(:'user_id', 100), '120 20 false', 'which runs down');
select is(pg_temp.estimate(:'user_id', 200), '120 0 false', 'to zero, and it is not overdue');
select is(pg_temp.estimate(:'user_id', 202), '120 0 true', 'until nine of ten would be done');
select is(pg_temp.estimate(:'user_id', 0, '1080p'), '90 90 false', 'another kind of clip is not moved by it');

-- A repeated order is told what the first would be told now.
select tests.act_as(:'user_id');
select public.generate_video('a cat', idempotency_key => 'key') as first \gset
select is(
    public.generate_video('a cat', idempotency_key => 'key'), :'first'::jsonb, 'a repeated order is told the same'
);
select tests.stop_acting();

-- What does not count: outliers move it by a place, retries not at all.
create function pg_temp.counted() returns text
language sql
as $$
    select private.refresh_estimates();
    select concat_ws(' ', e.samples, e.typical_seconds, e.slow_seconds) from private.duration_estimates as e
$$;
select pg_temp.took(array[86400.0]);
select matches(pg_temp.counted(), '^201 121 20[12]$', 'one that took a day moves them by a place');
delete from public.video_generation_history where completed_at > created_at + interval '1 hour';
update public.video_generation_history as h
set retry_count = 1
where h.id in (select r.id from public.video_generation_history as r where r.prompt = 'counted' order by r.id limit 10);
select matches(pg_temp.counted(), '^190 ', 'failed downloads do not count');
insert into private.provider_calls (task_id, attempt, model, provider, provider_model, output_prefix, usd, day)
select h.id, 2, h.model, 'vertex', 'x', h.id::text, 0, current_date
from public.video_generation_history as h
where h.prompt = 'counted' and h.retry_count = 0
limit 10;
select matches(pg_temp.counted(), '^180 ', 'nor second generations');

-- The latest count.
select tests.configure('video_estimate_tasks', '50');
select matches(pg_temp.counted(), '^[345][0-9] ', 'only the latest tasks are read');

-- Bounded, by an index.
select tests.configure('video_estimate_tasks', '100');
select pg_temp.took(array_fill(30.0::double precision, array[2000]), '1080p');
select rows_read as rows_before, full_scans as scans_before from tests.reads_of('public.video_generation_history') \gset
select is(private.refresh_estimates(), 2, 'a second kind of clip');
select ok(
    r.full_scans = :'scans_before' and r.rows_read - :'rows_before' <= 150,
    format('a count reads no more than it was told, and not %s', r.rows_read - :'rows_before')
)
from tests.reads_of('public.video_generation_history') as r;

select finish();
rollback;
