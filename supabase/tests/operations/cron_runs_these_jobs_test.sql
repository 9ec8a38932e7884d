-- Names, schedules and commands; the tick fits the version of pg_cron.
begin;
select plan(11);

select results_eq(
    $$
        select jobname::text collate "default", username::text collate "default", database, active
        from cron.job
        where jobname like 'video-%' or command like '%private.%'
        order by jobname
    $$,
    $$values
    ('video-audit', 'postgres', 'postgres', true), ('video-cleanup', 'postgres', 'postgres', true),
    ('video-estimates', 'postgres', 'postgres', true), ('video-sweep', 'postgres', 'postgres', true),
    ('video-tick', 'postgres', 'postgres', true), ('video-watch', 'postgres', 'postgres', true)$$,
    'there are six jobs, all active, under the schema''s owner'
);
select is(
    (select j.schedule from cron.job as j where j.jobname = 'video-tick'),
    case
        when (
            select string_to_array(substring(e.extversion from '^[0-9.]+'), '.')::integer[] >= '{1,5}'
            from pg_extension as e
            where e.extname = 'pg_cron'
        ) then '10 seconds'
        else '* * * * *'
    end,
    'a tick every 10 seconds, or a minute of ticks where pg_cron knows no seconds'
);
select matches((select j.command from cron.job as j where j.jobname = 'video-tick'), 'private\.tick\(\)', 'it ticks');
select is(
    (select j.schedule from cron.job as j where j.jobname = 'video-sweep'), '* * * * *', 'a sweep each minute'
);
select is(
    (select row(j.schedule, j.command)::text from cron.job as j where j.jobname = 'video-watch'),
    row('* * * * *', 'select private.watch()')::text, 'a look at everything each minute'
);
select is(
    (select row(j.schedule, j.command)::text from cron.job as j where j.jobname = 'video-audit'),
    row('17 3 * * *', 'select private.report_audit()')::text, 'an audit each night'
);
select is(
    (select row(j.schedule, j.command)::text from cron.job as j where j.jobname = 'video-cleanup'),
    row('41 3 * * *', 'select private.clean_up()')::text, 'a clean-up after it'
);

-- A loop of a minute commits after each tick (pg_net sends at commit) and is over before the next one starts.
select ok(
    j.schedule = '10 seconds'
    or (j.command ~ 'for v_tick in 1\.\.6 loop' and j.command ~ 'commit;' and j.command ~ 'exit when v_tick = 6'),
    'six ticks, 10 seconds apart, each committed'
)
from cron.job as j
where j.jobname = 'video-tick';
select ok(
    j.command ~ 'for v_round in 1\.\.1000 loop' and j.command ~ 'commit;',
    'a sweep commits after each task and is bounded'
)
from cron.job as j
where j.jobname = 'video-sweep';

-- A second installation replaces the jobs instead of doubling them.
select cron.schedule('video-audit', '17 3 * * *', 'select private.report_audit()');
select is((select count(*) from cron.job as j where j.jobname = 'video-audit'), 1::bigint, 'a name is scheduled once');

-- What the jobs call works for the role they run as.
select lives_ok(
    'select private.tick(), private.sweep(1), private.watch(), private.report_audit(), private.clean_up()',
    'the owner may run all of them'
);

select finish();
rollback;
