-- The cron jobs. A name is scheduled once: scheduling it again replaces it.
--
-- pg_cron before 1.5 knows no seconds: there a block, started each minute, ticks every 10 seconds and ends before the
-- next one starts. It commits after each tick, because pg_net sends at commit.
do $do$
begin
    if (
        select string_to_array(regexp_replace(e.extversion, '[^0-9.].*', ''), '.')::integer[] >= '{1,5}'
        from pg_extension as e
        where e.extname = 'pg_cron'
    ) then
        perform cron.schedule('video-tick', '10 seconds', 'select private.tick()');
    else
        perform cron.schedule('video-tick', '* * * * *', $cron$
do $$
declare
    v_start timestamptz := clock_timestamp();
begin
    for v_tick in 1..6 loop
        perform private.tick();
        commit;
        exit when v_tick = 6;
        perform pg_sleep(greatest(0, extract(epoch from v_start + v_tick * interval '10 seconds' - clock_timestamp())));
    end loop;
end
$$
$cron$);
    end if;

    perform cron.schedule('video-sweep', '* * * * *', $cron$
do $$
begin
    for v_round in 1..1000 loop
        exit when private.sweep(1) = 0;
        commit;
    end loop;
end
$$
$cron$);

    perform cron.schedule('video-watch', '* * * * *', 'select private.watch()');
    perform cron.schedule('video-audit', '17 3 * * *', 'select private.report_audit()');
    perform cron.schedule('video-estimates', '*/5 * * * *', 'select private.refresh_estimates()');
    perform cron.schedule('video-cleanup', '41 3 * * *', 'select private.clean_up()');
end
$do$;
