-- A key that the view forgets, or reads from another one's value, would be a switch that does nothing.
begin;
select plan(5);

create temporary table columns_of_keys as
select c.key, c.value_type, m.column_name
from public.system_configs as c
left join (
    values
    ('video_credit_per_second', 'credit_per_second'),
    ('video_1080p_multiplier', 'multiplier_1080p'),
    ('video_concurrent_limit', 'concurrent_limit'),
    ('video_generation_enabled', 'generation_enabled'),
    ('video_default_model', 'default_model'),
    ('video_prompt_max_length', 'prompt_max_length'),
    ('video_rollout_percent', 'rollout_percent'),
    ('video_rollout_salt', 'rollout_salt'),
    ('video_disabled_message', 'disabled_message'),
    ('video_disabled_until', 'disabled_until'),
    ('video_daily_spend_cap_usd', 'daily_spend_cap_usd'),
    ('video_daily_cost_alert_usd', 'daily_cost_alert_usd'),
    ('video_poll_interval_seconds', 'poll_interval'),
    ('video_batch_size', 'batch_size'),
    ('video_submit_per_minute', 'submit_per_minute'),
    ('video_submit_deadline_seconds', 'submit_deadline'),
    ('video_submit_attempts', 'submit_attempts'),
    ('video_submit_backoff_seconds', 'submit_backoff_seconds'),
    ('video_submit_backoff_max_seconds', 'submit_backoff_max_seconds'),
    ('video_reconcile_seconds', 'reconcile_period'),
    ('video_generation_deadline_seconds', 'generation_deadline'),
    ('video_download_attempts', 'download_attempts'),
    ('video_download_retry_seconds', 'download_retry'),
    ('video_google_expiry_hours', 'provider_expiry'),
    ('video_lease_seconds', 'lease_period'),
    ('video_retry_after_seconds', 'retry_after_seconds'),
    ('credit_value_usd', 'credit_value_usd'),
    ('signup_bonus_credits', 'signup_bonus_credits'),
    ('video_image_buckets', 'image_buckets'),
    ('storage_public_url', 'storage_public_url'),
    ('showcase_pending_limit', 'showcase_pending_limit'),
    ('prompt_optimizer_model', 'prompt_optimizer_model'),
    ('prompt_optimizer_per_minute', 'prompt_optimizer_per_minute'),
    ('prompt_optimizer_per_day', 'prompt_optimizer_per_day'),
    ('video_estimate_tasks', 'estimate_tasks'),
    ('video_estimate_min_samples', 'estimate_min_samples'),
    ('video_webhook_url', 'webhook_url'),
    ('video_alert_webhook_url', 'alert_webhook_url'),
    ('video_alert_webhook_severity', 'alert_webhook_severity'),
    ('video_webhook_attempts', 'webhook_attempts'),
    ('video_webhook_backoff_seconds', 'webhook_backoff_seconds')
) as m (key, column_name) on m.key = c.key;

select is_empty('select key from columns_of_keys where column_name is null', 'every key has a column');
select set_eq(
    $$
    select a.attname::text
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'private.settings'::regclass and a.attnum > 0
    $$,
    'select column_name from columns_of_keys',
    'every column has a key'
);

-- Each key gets a value of its own: 61, 62, 63 ... within no range, so the ranges are lifted first.
alter table public.system_configs drop constraint config_value_fits_type_and_range;
alter table public.system_configs disable trigger record_change; -- It knows which models there are.
update public.system_configs as c
set value = case c.value_type
    when 'boolean' then to_jsonb(not (c.value #>> '{}')::boolean)
    when 'text' then to_jsonb('text of ' || c.key)
    when 'timestamp' then '"2031-03-05T10:00:00Z"'
    else to_jsonb(60 + n.n)
end
from (select k.key, row_number() over (order by k.key) as n from public.system_configs as k) as n
where n.key = c.key;

select is_empty(
    $$
    select m.key, c.value, s.row_ -> m.column_name
    from columns_of_keys as m
    inner join public.system_configs as c on c.key = m.key
    cross join (select to_jsonb(s) as row_ from private.settings as s) as s
    where case
        when m.key like '%\_hours' then
            (s.row_ ->> m.column_name)::interval <> (c.value #>> '{}')::integer * interval '1 hour'
        when m.key like '%\_seconds' and m.column_name not like '%\_seconds' then
            (s.row_ ->> m.column_name)::interval <> (c.value #>> '{}')::integer * interval '1 second'
        when m.value_type = 'timestamp' then
            (s.row_ ->> m.column_name)::timestamptz <> (c.value #>> '{}')::timestamptz
        else s.row_ -> m.column_name <> c.value
    end
    $$,
    'each column shows the value of its own key, in its unit'
);

update public.system_configs set value = 'null' where is_nullable;
select is(
    (
        select num_nulls(s.disabled_message, s.disabled_until, s.daily_spend_cap_usd, s.daily_cost_alert_usd)
        from private.settings as s
    ), 4, 'a JSON null is an SQL null'
);
select is((select count(*) from private.settings), 1::bigint, 'the view is one row');

select finish();
rollback;
