-- Every number and switch of the product, changeable without a deploy, typed and with its history.
--
-- A value that does not fit its row's type or range is refused by the constraint, whoever writes it: one that could
-- not be read would stop every order.
--
-- A live project may have a table of that name (key, value jsonb): it is adopted. A row without value_type is the host
-- application's: any value, no history, its own policies. A row with one is ours, and no client can reach it.

create table if not exists public.system_configs (
    key text primary key,
    value jsonb not null
);

-- No function of ours in defaults and checks: whoever writes a row needs the right to call what they call, and the
-- roles of a host application have none. (The trigger below stamps our rows by our clock.)
alter table public.system_configs
add column if not exists description text,
add column if not exists value_type text,
add column if not exists minimum numeric,
add column if not exists maximum numeric,
add column if not exists is_nullable boolean not null default false,
add column if not exists updated_at timestamptz not null default now(),
add column if not exists updated_by text not null default 'migration',
add constraint config_type_is_known check (value_type in ('integer', 'number', 'boolean', 'text', 'timestamp')),
add constraint config_of_ours_is_described check (value_type is null or description is not null),
add constraint config_value_fits_type_and_range check (
    value_type is null
    or coalesce(
        case
            when jsonb_typeof(value) = 'null' then is_nullable
            when value_type in ('integer', 'number')
                then
                    jsonb_typeof(value) = 'number'
                    -- Not `% 1 = 0`: 10.0 would pass, and could then not be read as an integer.
                    and (value_type = 'number' or (value #>> '{}') ~ '^-?\d+$')
                    and (value #>> '{}')::numeric >= coalesce(minimum, '-infinity')
                    and (value #>> '{}')::numeric <= coalesce(maximum, 'infinity')
            when value_type = 'boolean' then jsonb_typeof(value) = 'boolean'
            when value_type = 'text' then jsonb_typeof(value) = 'string'
            -- RFC 3339 with a time zone, and a day that exists. A cast would tell, but is not immutable.
            when
                value_type = 'timestamp' and jsonb_typeof(value) = 'string'
                and (value #>> '{}') ~ (
                    '^20\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
                    'T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)$'
                )
                then
                    substr(value #>> '{}', 9, 2)::integer <= extract(
                        day from make_date(
                            substr(value #>> '{}', 1, 4)::integer, substr(value #>> '{}', 6, 2)::integer, 1
                        ) + interval '1 month' - interval '1 day'
                    )
        end,
        false
    )
);

do $$
begin
    if not private.is_adopted('system_configs') then
        comment on table public.system_configs is
        'Every number and switch of the product. Written by administrators; a wrong type or range is refused.';
        revoke all on table public.system_configs from public, anon, authenticated, service_role;
        grant select on table public.system_configs to service_role;
        grant update (value) on table public.system_configs to service_role;
    end if;
end
$$;

alter table public.system_configs enable row level security;

-- Restrictive: whatever the host application's own policies open, they do not open our rows.
create policy configs_of_ours_are_closed_to_clients on public.system_configs
as restrictive for all to anon, authenticated
using (value_type is null)
with check (value_type is null);

create table private.system_config_changes (
    id bigint generated always as identity primary key,
    key text not null,
    old_value jsonb,
    new_value jsonb,
    changed_by text not null,
    reason text,
    changed_at timestamptz not null default private.now()
);

create index system_config_changes_by_key on private.system_config_changes (key, id desc);

comment on table private.system_config_changes is 'Who changed which configuration value, when and why.';
alter table private.system_config_changes enable row level security;
revoke all on table private.system_config_changes from public, anon, authenticated, service_role;

-- Stamps a change and writes its history, and refuses what would break every order: a key of ours that goes away, and a
-- default model that there is not. The actor is the administrator's function (through the setting
-- reelbase.actor), else the signed-in user or the database role.
create function private.record_config_change() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := coalesce(
        nullif(current_setting('reelbase.actor', true), ''),
        'role:' || coalesce(auth.role(), session_user)
    );
begin
    if coalesce(new.value_type, old.value_type) is null then
        return coalesce(new, old);
    end if;
    if tg_op = 'DELETE' or (old.value_type is not null and (new.key <> old.key or new.value_type is null)) then
        raise exception using
            errcode = 'restrict_violation',
            message = format('the configuration key %s cannot be taken away', old.key),
            hint = 'Change its value.';
    end if;
    if tg_op = 'UPDATE' and new.value = old.value then
        return new;
    end if;
    if new.key = 'video_default_model'
        and jsonb_typeof(new.value) = 'string' -- Anything else the constraint refuses.
        and not exists (select from public.video_models as m where m.id = new.value #>> '{}')
    then
        raise exception using
            errcode = 'check_violation',
            constraint = 'default_model_exists',
            message = format('there is no model %s', new.value);
    end if;

    insert into private.system_config_changes (key, old_value, new_value, changed_by, reason)
    values (
        new.key,
        case when tg_op = 'UPDATE' then old.value end,
        new.value,
        v_actor,
        nullif(current_setting('reelbase.reason', true), '')
    );

    new.updated_at := private.now();
    new.updated_by := v_actor;
    return new;
end
$$;

comment on function private.record_config_change() is 'Trigger: stamps a configuration change and keeps its history.';
revoke all on function private.record_config_change() from public, anon, authenticated, service_role;

update private.adopted_tables
set had_keys = array(select s.key from public.system_configs as s)
where name = 'system_configs';

insert into public.system_configs (key, value, value_type, minimum, maximum, is_nullable, description) values
('video_credit_per_second', '10', 'number', 0.01, 100000, false, 'Credits for one second of 720p video.'),
('video_1080p_multiplier', '1.5', 'number', 1, 100, false, 'Price factor of 1080p.'),
('video_concurrent_limit', '3', 'integer', 1, 1000, false, 'Tasks one user may have running at once.'),
('video_generation_enabled', 'true', 'boolean', null, null, false, 'The kill switch: false refuses new tasks.'),
('video_default_model', '"veo-3.1"', 'text', null, null, false, 'Model used when a caller names none.'),
('video_prompt_max_length', '500', 'integer', 1, 4000, false, 'Longest prompt, in characters.'),
('video_rollout_percent', '100', 'integer', 0, 100, false, 'Share of users who may generate.'),
('video_rollout_salt', '"reelbase"', 'text', null, null, false, 'Chooses who is in a partial rollout.'),
('video_disabled_message', 'null', 'text', null, null, true, 'Shown to users while generation is off.'),
('video_disabled_until', 'null', 'timestamp', null, null, true, 'When generation is expected back.'),
('video_daily_spend_cap_usd', 'null', 'number', 0, 10000000, true, 'USD that may go to providers in one UTC day.'),
('video_daily_cost_alert_usd', 'null', 'number', 0, 10000000, true, 'USD in one UTC day that raise an alert.'),
('video_poll_interval_seconds', '10', 'integer', 1, 300, false, 'Pause between two polls of a task.'),
('video_batch_size', '50', 'integer', 1, 50, false, 'Jobs one claim may take.'),
('video_submit_per_minute', '50', 'integer', 1, 10000, false, 'Create calls in a minute for each model, all workers.'),
('video_submit_deadline_seconds', '1800', 'integer', 60, 86400, false, 'Time to get a task accepted, then refund.'),
('video_submit_attempts', '3', 'integer', 1, 10, false, 'Generations tried when the provider fails inside.'),
('video_submit_backoff_seconds', '5', 'number', 0.1, 600, false, 'First pause after a refused create; doubles.'),
('video_submit_backoff_max_seconds', '120', 'number', 1, 3600, false, 'Longest pause after a refused create.'),
('video_reconcile_seconds', '600', 'integer', 30, 86400, false, 'Time to find a clip whose create call got lost.'),
('video_generation_deadline_seconds', '900', 'integer', 361, 86400, false, 'Time the provider has for a clip.'),
('video_download_attempts', '3', 'integer', 1, 20, false, 'Transfers tried before the credits go back.'),
('video_download_retry_seconds', '30', 'integer', 1, 3600, false, 'Pause between two transfers of a clip.'),
('video_google_expiry_hours', '48', 'integer', 1, 8760, false, 'How long the provider keeps a clip.'),
('video_lease_seconds', '60', 'integer', 5, 60, false, 'How long a worker holds a job without renewing.'),
('video_retry_after_seconds', '30', 'integer', 1, 86400, false, 'Retry-After sent with 429 and 503.'),
('credit_value_usd', '0.10', 'number', 0, 1000, false, 'What a credit is sold for; for margins.'),
('signup_bonus_credits', '0', 'integer', 0, 1000000, false, 'Credits for a confirmed new user.'),
(
    'video_image_buckets', '"reference-images"', 'text', null, null, false,
    'Buckets where users record images; by comma.'
),
('storage_public_url', 'null', 'text', null, null, true, 'Put before the path in the URLs of the showcase.'),
('showcase_pending_limit', '10', 'integer', 1, 1000, false, 'Items one user may have waiting for review.'),
('prompt_optimizer_model', '"gemini-3.5-flash-lite"', 'text', null, null, false, 'Text model that rewrites prompts.'),
('prompt_optimizer_per_minute', '10', 'integer', 0, 10000, false, 'Prompts one user may have rewritten in a minute.'),
('prompt_optimizer_per_day', '200', 'integer', 0, 100000, false, 'Prompts one user may have rewritten in 24 hours.'),
('video_estimate_tasks', '5000', 'integer', 1, 100000, false, 'Latest completed tasks that estimates are made of.'),
('video_estimate_min_samples', '20', 'integer', 1, 100000, false, 'Clips of a kind before its estimate counts.'),
('video_webhook_url', 'null', 'text', null, null, true, 'Told by signed webhook of each video that ends.'),
('video_alert_webhook_url', 'null', 'text', null, null, true, 'Told by signed webhook of alerts.'),
('video_alert_webhook_severity', '"warning"', 'text', null, null, false, 'Least alert told: info, warning, critical.'),
('video_webhook_attempts', '8', 'integer', 1, 20, false, 'Times a webhook is sent before it is given up.'),
('video_webhook_backoff_seconds', '5', 'number', 0.1, 3600, false, 'First pause of a webhook; then four times longer.')
-- A key that an adopted table holds already keeps its value, if it fits; else this is refused here.
on conflict (key) do update
    set
        value_type = excluded.value_type,
        minimum = excluded.minimum,
        maximum = excluded.maximum,
        is_nullable = excluded.is_nullable,
        description = coalesce(system_configs.description, excluded.description);

create trigger record_change
before insert or update or delete on public.system_configs
for each row execute function private.record_config_change();
