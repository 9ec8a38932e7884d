-- Settings of the showcase and of the prompt optimizer.
set lock_timeout = '5s';
set statement_timeout = '60s';

select set_config('reelbase.actor', 'migration', true);

insert into public.system_configs (key, value, value_type, minimum, maximum, is_nullable, description) values
('storage_public_url', 'null', 'text', null, null, true, 'Put before the path in the URLs of the showcase.'),
('showcase_pending_limit', '10', 'integer', 1, 1000, false, 'Items one user may have waiting for review.'),
('prompt_optimizer_model', '"gemini-3.5-flash-lite"', 'text', null, null, false, 'Text model that rewrites prompts.'),
('prompt_optimizer_per_minute', '10', 'integer', 0, 10000, false, 'Prompts one user may have rewritten in a minute.'),
('prompt_optimizer_per_day', '200', 'integer', 0, 100000, false, 'Prompts one user may have rewritten in 24 hours.')
-- A key that an adopted table holds already keeps its value, if it fits; else this is refused here.
on conflict (key) do update
    set
        value_type = excluded.value_type,
        minimum = excluded.minimum,
        maximum = excluded.maximum,
        is_nullable = excluded.is_nullable,
        description = coalesce(system_configs.description, excluded.description);

-- The configuration as one typed row. One scan of a small table for each call, instead of a query for each key.
create or replace view private.settings
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
    (c.v ->> 'prompt_optimizer_per_day')::integer as prompt_optimizer_per_day
from (
    select jsonb_object_agg(s.key, s.value) as v
    from public.system_configs as s
    where s.value_type is not null
) as c;

comment on view private.settings is 'public.system_configs as one typed row.';
