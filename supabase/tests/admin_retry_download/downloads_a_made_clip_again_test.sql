begin;
select plan(28);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '1');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select set_config('test.admin', :'admin_id', true);

create function pg_temp.retry(p_task_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_answer jsonb;
begin
    perform tests.act_as(current_setting('test.admin')::uuid);
    v_answer := public.admin_retry_download(p_task_id);
    perform tests.stop_acting();
    return v_answer;
end
$$;
create function pg_temp.refused(p_task_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(current_setting('test.admin')::uuid);
    v_error := tests.error_of(format('select public.admin_retry_download(%L)', p_task_id));
    perform tests.stop_acting();
    return jsonb_build_array(v_error -> 'status', v_error -> 'code', v_error -> 'details');
end
$$;
-- Brings a task to the end of its attempts at a download.
create function pg_temp.fail_download(p_task_id uuid, p_lease uuid) returns void
language plpgsql
as $$
begin
    update private.video_jobs set download_attempt = 3 where task_id = p_task_id;
    perform tests.must_apply(worker_api.fail_video(p_task_id, p_lease, 'download_failed', '{}'));
end
$$;
create function pg_temp.lose(p_user_id uuid) returns uuid
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
begin
    perform pg_temp.fail_download(v_task_id, tests.bring_to(v_task_id, 'transfer'));
    return v_task_id;
end
$$;

-- Neither somebody else's clip nor the task's own first attempt, which made none, is what will be saved. The other clip
-- has the smaller id, so that an index shows it first.
set local enable_seqscan = off;
select tests.order_video(:'ann', 'a whale') as of_ann \gset
select tests.order_video(:'bob', 'a whale') as of_bob \gset
select
    case when t.is_ann then :'ann' else :'bob' end as user_id,
    case when t.is_ann then :'of_ann' else :'of_bob' end as task,
    case when t.is_ann then :'of_bob' else :'of_ann' end as other_clip
from (select :'of_ann'::uuid > :'of_bob'::uuid as is_ann) as t \gset
select tests.bring_to(:'other_clip', 'completed');
delete from private.file_jobs;
select tests.bring_to(:'task', 'poll') as lease \gset
select tests.must_apply(worker_api.record_poll(:'task', :'lease', 'retryable', '{}'));
select tests.bring_to(:'task', 'submitting');
select tests.must_apply(worker_api.record_operation(:'task', 2, 'operations/second'));
select tests.claim(:'task') as lease \gset
select tests.must_apply(
    worker_api.record_poll(:'task', :'lease', 'succeeded', '{"google_video_url": "gs://clips/2.mp4"}')
);
select tests.claim(:'task') as lease \gset
select tests.must_apply(worker_api.begin_transfer(:'task', :'lease'));
select pg_temp.fail_download(:'task', :'lease');
select tests.balance_of(:'user_id') as balance \gset
select is(:balance, 1000, 'the clip could not be saved, the credits are back');
-- His next video takes the only place that he has.
select tests.order_video(:'user_id') as other \gset

-- A new task ---------------------------------------------------------------------------------------------------------
delete from private.admin_actions;
delete from vault.secrets where name in ('worker_url', 'worker_token');
select vault.create_secret('http://worker.test', 'worker_url');
select vault.create_secret('the-token', 'worker_token');
delete from net.http_request_queue;
select pg_temp.retry(:'task') as answer \gset
select :'answer'::jsonb ->> 'task_id' as retry \gset
select is(
    :'answer'::jsonb,
    jsonb_build_object('result', 'applied', 'task_id', :'retry', 'retry_of', :'task', 'status', 'downloading'),
    'a new task downloads the clip, although its user has no place left'
);
select is((select count(*) from net.http_request_queue), 1::bigint, 'a worker is woken for it');
select isnt(:'retry'::uuid, :'task'::uuid, 'it is another one');
select is(
    (
        select jsonb_build_array(h.credit_cost, h.prompt, h.retry_of, h.google_video_url, h.user_id)
        from public.video_generation_history as h
        where h.id = :'retry'
    ), jsonb_build_array(0, 'a whale', :'task', 'gs://clips/2.mp4', :'user_id'), 'free, and the same clip'
);
select is(
    row((tests.task(:'task')).status, tests.refunds_of(:'task'))::text, '(failed,{80})', 'the first stays refunded'
);
select is(
    (tests.job(:'retry')).deadline_at, '2031-03-07 10:00:00+00'::timestamptz,
    'it has until the provider deletes the clip, 48 hours after it was made'
);
select is(
    (select jsonb_agg(to_jsonb(c) - 'id') from private.admin_actions as c),
    jsonb_build_array(jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'retry_download', 'user_id', :'user_id', 'task_id', :'task',
        'details', jsonb_build_object('retry', :'retry'), 'reason', null, 'created_at', '2031-03-05T10:00:00+00:00'
    )), 'the list of what administrators did has a row'
);
select tests.changes_nothing(
    :'retry', format('select pg_temp.retry(%L)', :'task'),
    jsonb_build_object('result', 'already_applied', 'task_id', :'retry', 'retry_of', :'task', 'status', 'downloading'),
    'while it runs there is no second one'
);
select is(pg_temp.retry(:'retry') ->> 'result', 'already_applied', 'by whichever task one asks');
select tests.act_as(:'user_id');
select is(public.get_credits() -> 'active_tasks', '1'::jsonb, 'it does not count for the limit');
select tests.stop_acting();

-- It fails too -------------------------------------------------------------------------------------------------------
select c.claimed ->> 'provider_model' as model, c.claimed ->> 'output_prefix' as prefix,
    c.claimed ->> 'lease_token' as lease
from worker_api.claim_jobs('worker-1', 0, 0, 1) as c (claimed) \gset
select is(
    row(:'model', :'prefix')::text, row('veo-3.1-generate-001', :'task' || '/2/')::text,
    'the worker learns which call made the clip'
);
select tests.must_apply(worker_api.begin_transfer(:'retry', :'lease'));
select pg_temp.fail_download(:'retry', :'lease');
select is(
    row((tests.task(:'retry')).status, tests.refunds_of(:'retry'), tests.balance_of(:'user_id'))::text,
    '(failed,{},920)', 'a failed retry has nothing to refund'
);
select is(
    (
        select count(*)
        from private.file_jobs as f
        where f.kind = 'delete_google' and f.due_at < '2031-03-07 10:00:00+00'
    ), 0::bigint, 'and leaves the clip where it is'
);
select pg_temp.retry(:'retry') as answer \gset
select :'answer'::jsonb ->> 'task_id' as second_retry \gset
select is(
    :'answer'::jsonb - 'task_id',
    jsonb_build_object('result', 'applied', 'retry_of', :'task', 'status', 'downloading'),
    'a retry of the retry is one of the first task'
);

-- It succeeds --------------------------------------------------------------------------------------------------------
select tests.claim(:'second_retry') as lease \gset
select tests.must_apply(worker_api.begin_transfer(:'second_retry', :'lease'));
select tests.store_file(:'second_retry');
select tests.must_apply(worker_api.complete_video(:'second_retry', :'lease', tests.stored_video()));
select is(
    pg_temp.retry(:'task') - 'retry_of',
    jsonb_build_object('result', 'already_applied', 'task_id', :'second_retry', 'status', 'completed'),
    'after it has succeeded there is nothing more to do'
);
select is(
    (
        select max(f.path)
        from private.file_jobs as f
        where f.kind = 'delete_google' and f.due_at <= private.now()
    ), :'task' || '/2/', 'the provider''s copy goes'
);

-- What it is not for -------------------------------------------------------------------------------------------------
select is(pg_temp.refused(:'other'), '[409, "illegal_state", {"stage": null, "status": "pending"}]', 'a live task');
select tests.act_as(:'user_id');
select public.cancel_video(:'other');
select tests.stop_acting();
select is(
    pg_temp.refused(:'other'), '[409, "illegal_state", {"stage": null, "status": "cancelled"}]', 'a cancelled one'
);
select tests.create_video(:'user_id', 'failed') as filtered \gset
select is(
    pg_temp.refused(:'filtered'), '[409, "illegal_state", {"stage": null, "status": "failed"}]',
    'one that failed otherwise'
);
select tests.create_video(:'user_id', 'completed') as completed \gset
select is(
    pg_temp.refused(:'completed'), '[409, "illegal_state", {"stage": null, "status": "completed"}]', 'a completed one'
);
select is(pg_temp.refused(gen_random_uuid()), '[404, "task_not_found", {}]', 'none at all');
select pg_temp.lose(:'user_id') as deleted \gset
select tests.act_as(:'user_id');
select public.delete_video(:'deleted');
select tests.stop_acting();
select is(pg_temp.refused(:'deleted'), '[404, "task_not_found", {}]', 'one that its owner deleted');

-- While the provider has the file.
select pg_temp.lose(:'user_id') as late \gset
select pg_temp.lose(:'user_id') as too_late \gset
select tests.advance_time('47 hours 59 minutes');
select is(pg_temp.retry(:'late') ->> 'result', 'applied', 'just before the clip is deleted');
select tests.advance_time('1 minute');
select is(
    pg_temp.refused(:'too_late'), '[409, "illegal_state", {"stage": null, "status": "failed"}]',
    'no more at the moment when it is'
);
select tests.advance_time('1 minute');
select is(private.sweep(), 1, 'the retry ends with it');
select is(
    pg_temp.refused(:'late'), '[409, "illegal_state", {"stage": null, "status": "failed"}]', 'then there is none left'
);

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
