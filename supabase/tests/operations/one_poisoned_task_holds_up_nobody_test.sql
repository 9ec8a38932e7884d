-- A task whose settlement raises must not stop the sweep at it: the others get their credits in the same minute.
begin;
select plan(9);

select tests.set_time('2031-03-05 10:00:00+00');
delete from private.video_jobs;
delete from private.alerts;
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id', 'poisoned') as poisoned \gset
select tests.order_video(:'user_id', 'healthy') as healthy \gset
create function pg_temp.spoil() returns trigger
language plpgsql
as $$
begin
    raise exception 'this one is poisoned';
end
$$;
create trigger spoil before update on public.video_generation_history
for each row when (new.prompt = 'poisoned')
execute function pg_temp.spoil();
update private.video_jobs set deadline_at = deadline_at - interval '1 minute' where task_id = :'poisoned';
select tests.advance_time('31 minutes');

select is(private.sweep(1), 1, 'the first of a minute''s sweeps meets the poisoned one');
select is((tests.task(:'poisoned')).status, 'pending', 'which stays as it was');
select is(
    (select row(a.kind, a.severity, a.details)::text from private.alerts as a where a.subject = :'poisoned'),
    row(
        'settlement_failed', 'critical',
        '{"code": "P0001", "error": "this one is poisoned", "error_code": "timeout"}'::jsonb
    )::text, 'and is an alert'
);
select is(private.sweep(1), 1, 'the second goes on');
select is(tests.refunds_of(:'healthy'), '{80}', 'with the others');
select is(private.sweep(1), 0, 'then the minute''s work is done');

-- The cause is mended.
drop trigger spoil on public.video_generation_history;
select tests.advance_time('10 minutes');
select is(private.sweep(1), 1, 'later it is tried again');
select is(tests.refunds_of(:'poisoned'), '{80}', 'and settled');

-- A rule that is checked at commit only is met here, too.
select tests.order_video(:'user_id') as broken \gset
set constraints all immediate;
set constraints all deferred;
create function pg_temp.forget_refund() returns trigger
language plpgsql
as $$
begin
    new.refund_id := gen_random_uuid();
    return new;
end
$$;
create trigger forget_refund before update on public.video_generation_history
for each row when (new.status = 'failed')
execute function pg_temp.forget_refund();
select tests.advance_time('31 minutes');
select private.sweep(1);
select is(
    (select a.details ->> 'code' from private.alerts as a where a.subject = :'broken'), '23503',
    'a refund that is not in the ledger'
);

select finish();
rollback;
