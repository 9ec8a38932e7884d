-- The configuration as one typed row. One scan of a small table for each call, instead of a query for each key.
create view private.settings
with (security_invoker = true)
as
select
    (c.v ->> 'video_credit_per_second')::numeric as credit_per_second,
    (c.v ->> 'video_1080p_multiplier')::numeric as multiplier_1080p,
    (c.v ->> 'video_concurrent_limit')::integer as concurrent_limit,
    (c.v ->> 'video_generation_enabled')::boolean as generation_enabled,
    c.v ->> 'video_default_model' as default_model,
    (c.v ->> 'video_prompt_max_length')::integer as prompt_max_length,
    (c.v ->> 'video_rollout_percent')::integer as rollout_percent,
    c.v ->> 'video_rollout_salt' as rollout_salt,
    c.v ->> 'video_disabled_message' as disabled_message,
    (c.v ->> 'video_disabled_until')::timestamptz as disabled_until,
    (c.v ->> 'video_daily_spend_cap_usd')::numeric as daily_spend_cap_usd,
    (c.v ->> 'video_daily_cost_alert_usd')::numeric as daily_cost_alert_usd,
    (c.v ->> 'video_poll_interval_seconds')::integer * interval '1 second' as poll_interval,
    (c.v ->> 'video_batch_size')::integer as batch_size,
    (c.v ->> 'video_submit_per_minute')::integer as submit_per_minute,
    (c.v ->> 'video_submit_deadline_seconds')::integer * interval '1 second' as submit_deadline,
    (c.v ->> 'video_submit_attempts')::integer as submit_attempts,
    (c.v ->> 'video_submit_backoff_seconds')::numeric as submit_backoff_seconds,
    (c.v ->> 'video_submit_backoff_max_seconds')::numeric as submit_backoff_max_seconds,
    (c.v ->> 'video_reconcile_seconds')::integer * interval '1 second' as reconcile_period,
    (c.v ->> 'video_generation_deadline_seconds')::integer * interval '1 second' as generation_deadline,
    (c.v ->> 'video_download_attempts')::integer as download_attempts,
    (c.v ->> 'video_download_retry_seconds')::integer * interval '1 second' as download_retry,
    (c.v ->> 'video_google_expiry_hours')::integer * interval '1 hour' as provider_expiry,
    (c.v ->> 'video_lease_seconds')::integer * interval '1 second' as lease_period,
    (c.v ->> 'video_retry_after_seconds')::integer as retry_after_seconds,
    (c.v ->> 'credit_value_usd')::numeric as credit_value_usd,
    (c.v ->> 'signup_bonus_credits')::integer as signup_bonus_credits,
    c.v ->> 'video_image_buckets' as image_buckets,
    c.v ->> 'storage_public_url' as storage_public_url,
    (c.v ->> 'showcase_pending_limit')::integer as showcase_pending_limit,
    c.v ->> 'prompt_optimizer_model' as prompt_optimizer_model,
    (c.v ->> 'prompt_optimizer_per_minute')::integer as prompt_optimizer_per_minute,
    (c.v ->> 'prompt_optimizer_per_day')::integer as prompt_optimizer_per_day,
    (c.v ->> 'video_estimate_tasks')::integer as estimate_tasks,
    (c.v ->> 'video_estimate_min_samples')::integer as estimate_min_samples,
    c.v ->> 'video_webhook_url' as webhook_url,
    c.v ->> 'video_alert_webhook_url' as alert_webhook_url,
    c.v ->> 'video_alert_webhook_severity' as alert_webhook_severity,
    (c.v ->> 'video_webhook_attempts')::integer as webhook_attempts,
    (c.v ->> 'video_webhook_backoff_seconds')::numeric as webhook_backoff_seconds
from (
    select jsonb_object_agg(s.key, s.value) as v
    from public.system_configs as s
    where s.value_type is not null
) as c;

comment on view private.settings is 'public.system_configs as one typed row.';
revoke all on table private.settings from public, anon, authenticated, service_role;
