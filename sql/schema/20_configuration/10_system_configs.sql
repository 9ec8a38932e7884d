-- Every number and switch of the product, changeable without a deploy, typed and with its history.
--
-- A value that does not fit its row's type or range is refused by the constraint, whoever writes it: one that could
-- not be read would stop every order.

-- RFC 3339 with a time zone, and a day that exists. Looks at the text only: a cast is not immutable.
-- Names are bound when the two functions are made: whoever may write the table evaluates its check, without USAGE here.
create function private.is_timestamp(p_text text) returns boolean
language sql
immutable
security invoker
set search_path = ''
begin atomic
    select case
        when p_text ~ (
            '^20\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
            'T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)$'
        ) then substr(p_text, 9, 2)::integer <= extract(
            day from make_date(substr(p_text, 1, 4)::integer, substr(p_text, 6, 2)::integer, 1)
            + interval '1 month' - interval '1 day'
        )
        else false
    end;
end;

comment on function private.is_timestamp(text) is 'Whether a text is an RFC 3339 time of this century.';
revoke all on function private.is_timestamp(text) from public, anon, authenticated, service_role;

create function private.config_value_fits(
    p_value jsonb,
    p_value_type text,
    p_minimum numeric,
    p_maximum numeric,
    p_is_nullable boolean
) returns boolean
language sql
immutable
security invoker
set search_path = ''
begin atomic
    select case
        when jsonb_typeof(p_value) = 'null' then p_is_nullable
        when p_value_type in ('integer', 'number') then
            jsonb_typeof(p_value) = 'number'
            -- Not `% 1 = 0`: 10.0 would pass, and could then not be read as an integer.
            and (p_value_type = 'number' or (p_value #>> '{}') ~ '^-?\d+$')
            and (p_value #>> '{}')::numeric >= coalesce(p_minimum, '-infinity')
            and (p_value #>> '{}')::numeric <= coalesce(p_maximum, 'infinity')
        when p_value_type = 'boolean' then jsonb_typeof(p_value) = 'boolean'
        when p_value_type = 'text' then jsonb_typeof(p_value) = 'string'
        when p_value_type = 'timestamp' and jsonb_typeof(p_value) = 'string' then private.is_timestamp(p_value #>> '{}')
        else false
    end;
end;

comment on function private.config_value_fits(jsonb, text, numeric, numeric, boolean) is
'Whether a configuration value has the type and range its row asks for.';
revoke all on function private.config_value_fits(jsonb, text, numeric, numeric, boolean)
from public, anon, authenticated, service_role;
grant execute on function private.config_value_fits(jsonb, text, numeric, numeric, boolean) to service_role;
grant execute on function private.is_timestamp(text) to service_role;

create table public.system_configs (
    key text primary key,
    value jsonb not null,
    description text not null,
    value_type text not null,
    minimum numeric,
    maximum numeric,
    is_nullable boolean not null default false,
    updated_at timestamptz not null default private.now(),
    updated_by text not null default 'migration',
    constraint config_type_is_known check (value_type in ('integer', 'number', 'boolean', 'text', 'timestamp')),
    constraint config_value_fits_type_and_range check (
        private.config_value_fits(value, value_type, minimum, maximum, is_nullable)
    )
);

comment on table public.system_configs is
'Every number and switch of the product. Written by administrators; a wrong type or range is refused.';
alter table public.system_configs enable row level security;
revoke all on table public.system_configs from public, anon, authenticated, service_role;
grant select on table public.system_configs to service_role;
grant update (value) on table public.system_configs to service_role;

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

-- Stamps a change and writes its history. The actor is the administrator's function (through the setting
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
    if tg_op = 'UPDATE' and new.value = old.value then
        return new;
    end if;

    insert into private.system_config_changes (key, old_value, new_value, changed_by, reason)
    values (
        case when tg_op = 'DELETE' then old.key else new.key end,
        case when tg_op = 'INSERT' then null else old.value end,
        case when tg_op = 'DELETE' then null else new.value end,
        v_actor,
        nullif(current_setting('reelbase.reason', true), '')
    );

    if tg_op = 'DELETE' then
        return old;
    end if;

    new.updated_at := private.now();
    new.updated_by := v_actor;
    return new;
end
$$;

comment on function private.record_config_change() is 'Trigger: stamps a configuration change and keeps its history.';
revoke all on function private.record_config_change() from public, anon, authenticated, service_role;

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
('signup_bonus_credits', '0', 'integer', 0, 1000000, false, 'Credits for a confirmed new user.');

create trigger record_change
before insert or update or delete on public.system_configs
for each row execute function private.record_config_change();
