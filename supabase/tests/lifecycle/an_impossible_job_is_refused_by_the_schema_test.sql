-- Jobs, calls, spend, brakes, file jobs and alerts: each change below breaks one rule.
begin;
select plan(26);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_rich_user(10000) as user_id \gset
select tests.order_video(:'user_id') as task \gset
select tests.bring_to(:'task', 'submitting');
insert into private.file_jobs (kind, bucket, path) values ('delete', 'videos', 'a/b.mp4');
select private.raise_alert('test', 'info', 'x');

select throws_ok('update ' || c.change, 23514, null, c.change || ' breaks ' || c.rule)
from (
    values
    ($$private.video_jobs set stage = 'done'$$, 'job_stage_is_known'),
    ($$private.video_jobs set leased_by = null$$, 'lease_has_a_holder'),
    ($$private.video_jobs set lease_token = null, stage = 'submit'$$, 'lease_has_a_holder'),
    ($$private.video_jobs set lease_token = null, leased_by = null$$, 'submitting_means_leased'),
    ($$private.video_jobs set submit_attempt = 0$$, 'in_flight_means_an_attempt'),
    ($$private.video_jobs set stage = 'poll', submit_attempt = 0$$, 'in_flight_means_an_attempt'),
    ($$private.video_jobs set stage = 'submit', submit_attempt = -1$$, 'attempts_are_never_negative'),
    ($$private.video_jobs set refusals = -1$$, 'attempts_are_never_negative'),
    ($$private.video_jobs set download_attempt = -1$$, 'attempts_are_never_negative'),
    ($$private.provider_calls set outcome = 'maybe'$$, 'call_outcome_is_known'),
    ($$private.provider_calls set usd = -0.01$$, 'call_cost_is_never_negative'),
    ($$private.daily_spend set usd = -0.01$$, 'spend_is_never_negative'),
    ($$private.model_brakes set submitted = -1$$, 'submitted_is_never_negative'),
    ($$private.file_jobs set kind = 'copy'$$, 'file_job_kind_is_known'),
    ($$private.file_jobs set bucket = null$$, 'file_job_has_a_bucket'),
    ($$private.file_jobs set kind = 'delete_google'$$, 'file_job_has_a_bucket'),
    ($$private.file_jobs set lease_token = gen_random_uuid()$$, 'file_job_lease_has_a_holder'),
    ($$private.file_jobs set attempts = -1$$, 'file_job_attempts_are_never_negative'),
    ($$private.alerts set severity = 'urgent'$$, 'alert_severity_is_known'),
    ($$private.alerts set acknowledged_at = private.now()$$, 'alert_acknowledgement_is_signed')
) as c (change, rule);

select tests.violates('update private.video_jobs set task_id = gen_random_uuid()', 'video_jobs_task_id_fkey');
select tests.violates('update private.video_jobs set account_id = gen_random_uuid()', 'video_jobs_account_id_fkey');
select tests.violates($$update private.video_jobs set model = 'no-such-model'$$, 'video_jobs_model_fkey');
select throws_ok(
    format('delete from public.video_generation_history where id = %L', :'task'), 23503, null,
    'a task cannot vanish from under its job'
);
select throws_ok(
    $$
        insert into private.video_jobs (task_id, account_id, model, stage, deadline_at)
        select task_id, account_id, model, 'submit', deadline_at from private.video_jobs
    $$,
    23505, null, 'a task has one job'
);
select throws_ok(
    $$
        insert into private.provider_calls (task_id, attempt, model, provider, provider_model, output_prefix, usd, day)
        select task_id, attempt, model, provider, provider_model, output_prefix, usd, day from private.provider_calls
    $$,
    23505, null, 'an attempt has one call'
);

select finish();
rollback;
