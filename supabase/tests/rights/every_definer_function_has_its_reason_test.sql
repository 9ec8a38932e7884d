-- SECURITY DEFINER is how a caller does what he has no right to do himself, so each such function is here with why.
begin;
select plan(8);

create temporary table reasons (function text, reason text);
insert into reasons values
-- Behind a public wrapper: the callers have EXECUTE on these, without USAGE on the schema.
('private.generate_video', 'order: writes ledger, task and job, which no client may'),
('private.cancel_video', 'cancel: writes ledger and task'),
('private.get_video_status', 'reads columns of the task that are not granted'),
('private.list_videos', 'reads columns of the tasks that are not granted'),
('private.quote_video', 'reads catalogue and configuration, for visitors too'),
('private.list_video_prices', 'reads catalogue and configuration, for visitors too'),
('private.get_video_availability', 'reads catalogue and configuration, for visitors too'),
('private.list_generations', 'reads columns of the tasks that are not granted'),
('private.search_images', 'uses functions that are not granted'),
('private.record_image', 'writes images, reads storage.objects past row security'),
('private.delete_video', 'blanks the task, queues its files'),
('private.delete_image', 'blanks the image, queues its file'),
('private.rate_video', 'writes ratings'),
('private.get_credits', 'counts jobs'),
('private.list_credit_transactions', 'reads the entries by their number'),
('private.admin_grant_credits', 'writes the ledger, after asking who calls'),
('private.admin_get_dashboard', 'reads what is closed to clients, after asking who calls'),
('private.admin_get_user_video_stats', 'reads what is closed to clients, after asking who calls'),
('private.admin_get_video', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_users', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_user_videos', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_stuck_tasks', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_actions', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_config', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_config_changes', 'reads what is closed to clients, after asking who calls'),
('private.admin_list_models', 'reads what is closed to clients, after asking who calls'),
('private.admin_set_config', 'writes the configuration, after asking who calls'),
('private.admin_set_model', 'writes the catalogue, after asking who calls'),
('private.admin_set_model_price', 'writes the catalogue, after asking who calls'),
('private.admin_deduct_credits', 'writes the ledger, after asking who calls'),
('private.admin_refund_video', 'writes ledger and task, after asking who calls'),
('private.admin_retry_download', 'writes a task, after asking who calls'),
('private.admin_rollback', 'ends tasks, after asking who calls'),
('private.admin_set_credit_package', 'writes the packages, after asking who calls'),
('private.list_credit_packages', 'reads the packages, for visitors too'),
('private.begin_checkout', 'writes payments'),
('private.list_payments', 'reads columns of the payments that are not granted'),
('private.record_payment', 'writes payments and ledger, for the service alone'),
('private.record_checkout', 'writes payments, for the service alone'),
('private.take_unsettled_payments', 'writes payments, for the service alone'),
('private.lock_payment', 'part of record_payment: locks and makes accounts and payments'),
('private.settle_payment', 'part of record_payment: writes payments and ledger'),
('private.publish_to_showcase', 'writes items and the queue of files'),
('private.remove_from_showcase', 'deletes items and queues their files'),
('private.list_showcase', 'reads what is published past row security, for visitors too'),
('private.list_my_showcase', 'reads the caller''s items'),
('private.set_showcase_like', 'writes likes and their count'),
('private.admin_list_showcase', 'reads items and prompts, after asking who calls'),
('private.admin_review_showcase_item', 'writes items, after asking who calls'),
('private.admin_feature_showcase_item', 'writes items, after asking who calls'),
('private.begin_prompt_optimization', 'counts and writes optimizations'),
('private.finish_prompt_optimization', 'writes the outcome of the caller''s optimization'),
('private.admin_list_alerts', 'reads alerts, after asking who calls'),
('private.admin_acknowledge_alert', 'writes alerts, after asking who calls'),
-- Asked by those.
('private.require_admin', 'reads auth.users: a token may be out of date'),
('private.check_user', 'reads auth.users'),
('private.lock_model', 'locks the catalogue'),
('private.describe_model', 'reads catalogue and configuration'),
('private.find_users', 'reads auth.users'),
('private.describe_user', 'reads auth.users'),
('private.describe_task', 'reads provider calls'),
('private.summarize_period', 'reads tasks and provider calls of everybody'),
('private.video_share_of_credits', 'reads the ledger of everybody'),
('private.describe_operation', 'reads queue, spend, alerts and signs of life'),
('private.raise_alert', 'writes alerts'),
('private.note_condition', 'writes alerts'),
('private.admin_change_credits', 'writes the ledger, after asking who calls'),
('private.set_config_value', 'writes the configuration'),
('private.lock_accounts_of', 'locks accounts'),
('private.settle', 'ends a task of many'),
('private.lock_account', 'locks and makes accounts'),
('private.post_entry', 'writes the ledger: the only one that does'),
('private.lock_task', 'locks account and task'),
('private.book_call', 'writes the spend of the day'),
('private.end_task', 'ends a task: ledger, task, job, files'),
('private.video_status', 'reads catalogue and ledger'),
('private.poke_worker', 'reads Vault, writes the queue of pg_net'),
('private.find_reference_image', 'reads storage.objects past row security, for the caller''s own folder'),
('private.replay_generation', 'reads the catalogue'),
('private.refuse_over_spend_cap', 'reads the spend of the day'),
('private.forget_user', 'blanks what a deleted user leaves'),
('private.forget_showcase', 'deletes items and likes of a deleted user'),
('private.drop_showcase_files', 'writes the queue of files'),
-- Triggers: they run for whoever changes the row.
('private.record_config_change', 'trigger: writes the history of the configuration'),
('private.welcome_user', 'trigger: makes account and profile for Auth'),
('private.forget_deleted_user', 'trigger: calls forget_user for Auth'),
('private.withdraw_from_showcase', 'trigger: deletes the item of a deleted video or image'),
('private.push_status', 'trigger: sends by Realtime'),
('private.announce_end', 'trigger: writes webhooks'),
('private.announce_alert', 'trigger: writes webhooks'),
('private.queue_webhook', 'part of those'),
-- The worker's verbs and what they are made of.
('worker_api.heartbeat', 'verb'),
('worker_api.check', 'verb: reads cron, Vault and the catalogue'),
('worker_api.claim_jobs', 'verb'),
('worker_api.extend_lease', 'verb'),
('worker_api.release_leases', 'verb'),
('worker_api.postpone_job', 'verb'),
('worker_api.begin_submit', 'verb'),
('worker_api.record_operation', 'verb'),
('worker_api.requeue_submit', 'verb'),
('worker_api.record_poll', 'verb'),
('worker_api.begin_transfer', 'verb'),
('worker_api.complete_video', 'verb'),
('worker_api.fail_video', 'verb'),
('worker_api.claim_file_jobs', 'verb'),
('worker_api.complete_file_job', 'verb'),
('worker_api.fail_file_job', 'verb'),
('worker_api.claim_webhooks', 'verb'),
('worker_api.complete_webhook', 'verb'),
('worker_api.fail_webhook', 'verb'),
('private.claim_lane', 'part of a verb'),
('private.next_stage', 'part of a verb'),
('private.take_submit_slot', 'part of a verb'),
('private.reserve_spend', 'part of a verb'),
('private.book_late_call', 'part of a verb'),
('private.start_transfer', 'part of a verb'),
('private.generate_again', 'part of a verb'),
-- pg_cron's jobs.
('private.tick', 'cron'),
('private.sweep', 'cron'),
('private.audit_ledger', 'cron'),
('private.report_audit', 'cron'),
('private.watch', 'cron'),
('private.conditions', 'cron: reads spend, jobs and heartbeats'),
('private.queue_orphans', 'cron: reads Storage and users, writes file jobs'),
('private.refresh_estimates', 'cron'),
('private.clean_up', 'cron');

create view pg_temp.ours as
select
    p.*,
    p.pronamespace::regnamespace || '.' || p.proname as function
from pg_catalog.pg_proc as p
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace);

select set_eq(
    'select o.function from pg_temp.ours as o where o.prosecdef', 'select r.function from reasons as r',
    'every definer function is listed, and nothing is listed that is none'
);
select is_empty(
    $$
    select o.function
    from pg_temp.ours as o
    where 'search_path=""' <> all(coalesce(o.proconfig, '{}'))
    $$,
    'every function of ours, definer or not, has an empty search_path'
);
select is_empty(
    $$
    select o.function, a.grantee
    from pg_temp.ours as o
    cross join lateral aclexplode(coalesce(o.proacl, acldefault('f', o.proowner))) as a
    where a.grantee = 0
    $$,
    'none can be executed by PUBLIC'
);
select is_empty(
    $$select o.function from pg_temp.ours as o where o.prosecdef and o.pronamespace = 'public'::regnamespace$$,
    'none is in the schema that the API exposes: there are thin wrappers only (lints 0028 and 0029)'
);
select set_eq(
    $$
    select o.function || ' ' || r.rolname
    from pg_temp.ours as o
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (rolname)
    where o.pronamespace = 'private'::regnamespace and has_function_privilege(r.rolname, o.oid, 'execute')
    $$,
    $$
    select 'private.' || p.proname || ' ' || r.rolname
    from pg_catalog.pg_proc as p
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (rolname)
    where p.pronamespace = 'public'::regnamespace and has_function_privilege(r.rolname, p.oid, 'execute')
    $$,
    'who may execute one in private may call its wrapper, and nothing else in there'
);
select is_empty(
    $$
    select o.function
    from pg_temp.ours as o
    where o.pronamespace = 'public'::regnamespace
        and (o.prosqlbody is null or pg_get_functiondef(o.oid) !~ ('SELECT private\.' || o.proname || '\('))
    $$,
    'a wrapper is bound when it is made, to the function of its name, and does nothing else'
);
select is_empty(
    $$
    select o.function, a.name
    from pg_temp.ours as o
    cross join lateral unnest(o.proargnames) as a (name)
    where o.pronamespace = 'public'::regnamespace and a.name in ('p_user_id', 'caller_id', 'sub', 'role')
        or o.function in ('private.generate_video', 'private.cancel_video', 'private.get_video_status',
            'private.list_videos', 'private.get_credits', 'private.list_credit_transactions')
        and a.name ~ 'user|account'
    $$,
    'no function takes the acting user as an argument'
);
select is_empty(
    $$
    select o.function
    from pg_temp.ours as o
    where o.pronamespace = 'public'::regnamespace
        and coalesce(o.prosrc, '') || coalesce(pg_get_functiondef(o.oid), '') ~* '\m(net|vault|cron|dblink|http)\.'
    $$,
    'no exposed function reaches the network or a secret by itself'
);

select finish();
rollback;
