begin;
select plan(4);

create temporary table published as
select p.key, p.value
from jsonb_each(
    '{
        "video_credit_per_second": 10, "video_1080p_multiplier": 1.5, "video_concurrent_limit": 3,
        "video_generation_enabled": true, "video_default_model": "veo-3.1", "video_prompt_max_length": 500,
        "video_rollout_percent": 100, "video_rollout_salt": "reelbase", "video_disabled_message": null,
        "video_disabled_until": null, "video_daily_spend_cap_usd": null, "video_daily_cost_alert_usd": null,
        "video_poll_interval_seconds": 10, "video_batch_size": 50, "video_submit_per_minute": 50,
        "video_submit_deadline_seconds": 1800, "video_submit_attempts": 3, "video_submit_backoff_seconds": 5,
        "video_submit_backoff_max_seconds": 120, "video_reconcile_seconds": 600,
        "video_generation_deadline_seconds": 900, "video_download_attempts": 3, "video_download_retry_seconds": 30,
        "video_google_expiry_hours": 48, "video_lease_seconds": 60, "video_retry_after_seconds": 30,
        "credit_value_usd": 0.10, "signup_bonus_credits": 0, "video_image_buckets": "reference-images",
        "storage_public_url": null, "showcase_pending_limit": 10,
        "prompt_optimizer_model": "gemini-3.5-flash-lite", "prompt_optimizer_per_minute": 10,
        "prompt_optimizer_per_day": 200,
        "video_estimate_tasks": 5000, "video_estimate_min_samples": 20, "video_webhook_url": null,
        "video_alert_webhook_url": null, "video_alert_webhook_severity": "warning", "video_webhook_attempts": 8,
        "video_webhook_backoff_seconds": 5
    }'
) as p;

select results_eq(
    'select c.key from public.system_configs as c order by c.key',
    'select p.key from published as p order by p.key',
    'these keys exist, and no other'
);
select is_empty(
    $$
    select p.key, p.value, c.value
    from published as p
    inner join public.system_configs as c on c.key = p.key
    where c.updated_by = 'migration' and c.value <> p.value
    $$,
    'a value that nobody changed is the published one'
);
select is_empty(
    $$select c.key from public.system_configs as c where c.description !~ '^[A-Z].{10,}\.$'$$,
    'every key is described in a sentence'
);
select is_empty(
    $$
    select c.key
    from public.system_configs as c
    where c.value_type in ('integer', 'number') and (c.minimum is null or c.maximum is null)
    $$,
    'every number has a range'
);

select finish();
rollback;
