-- Estimates by this installation's own history instead of the catalogue's guess; and who waits for a video is told:
-- users by Realtime, other systems by signed webhooks, which also take alerts to whoever is on duty.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- New keys are no change that somebody made. One that an adopted table held already stays when we go.
alter table public.system_configs disable trigger record_change;

update private.adopted_tables as a
set
    had_keys = a.had_keys || array(
        select s.key
        from public.system_configs as s
        where s.key in (
            'video_estimate_tasks',
            'video_estimate_min_samples',
            'video_webhook_url',
            'video_alert_webhook_url',
            'video_alert_webhook_severity',
            'video_webhook_attempts',
            'video_webhook_backoff_seconds'
        )
    )
where a.name = 'system_configs';

insert into public.system_configs (key, value, value_type, minimum, maximum, is_nullable, description) values
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

alter table public.system_configs enable trigger record_change;

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

-- How long a clip takes here, by this installation's own history: half are done after typical_seconds, nine of ten
-- after slow_seconds. A few rows, counted anew every five minutes, so that no order and no poll counts anything.
-- A kind of clip that too few were made of has no row: the catalogue says what to expect.
create table private.duration_estimates (
    model text not null references public.video_models (id),
    resolution text not null,
    duration integer not null,
    samples integer not null,
    typical_seconds integer not null,
    slow_seconds integer not null,
    refreshed_at timestamptz not null default private.now(),
    primary key (model, resolution, duration),
    constraint estimates_are_ordered check (0 <= typical_seconds and typical_seconds <= slow_seconds)
);

comment on table private.duration_estimates is 'Seconds from order to clip: median and 90th percentile.';
alter table private.duration_estimates enable row level security;
revoke all on table private.duration_estimates from public, anon, authenticated, service_role;

create or replace view private.current_options
with (security_invoker = true)
as
select
    m.id as model,
    m.provider,
    m.provider_model,
    m.has_negative_prompt,
    m.has_reference_image,
    m.is_enabled
    and m.paused_at is null
    and (m.retires_at is null or m.retires_at > private.now()) as is_available,
    o.resolution,
    o.duration,
    ceil(
        o.duration * s.credit_per_second * m.credit_multiplier
        * case when o.resolution = '1080p' then s.multiplier_1080p else 1 end
    )::integer as credit_cost,
    o.duration * o.usd_per_second as usd,
    coalesce(e.typical_seconds, o.typical_seconds) as typical_seconds,
    coalesce(e.slow_seconds, o.slow_seconds) as slow_seconds
from public.video_models as m
cross join private.settings as s
inner join lateral (
    select distinct on (v.resolution, v.duration) v.*
    from public.video_model_options as v
    where v.model = m.id and v.valid_from <= private.now()
    order by v.resolution asc, v.duration asc, v.valid_from desc
) as o on true
left join private.duration_estimates as e
    on m.id = e.model and o.resolution = e.resolution and o.duration = e.duration;

-- The status shape that clients poll, for a row its caller may see.
create or replace function private.video_status(p_task public.video_generation_history) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_is_live boolean := p_task.ended_at is null;
    v_elapsed integer := extract(epoch from coalesce(p_task.ended_at, private.now()) - p_task.created_at)::integer;
    v_typical integer;
    v_slow integer;
    v_refunded integer := 0;
begin
    if v_is_live then
        select e.typical_seconds, e.slow_seconds
        into v_typical, v_slow
        from private.duration_estimates as e
        where e.model = p_task.model and e.resolution = p_task.resolution and e.duration = p_task.duration;
    end if;

    if v_is_live and v_slow is null then
        select o.typical_seconds, o.slow_seconds
        into v_typical, v_slow
        from public.video_model_options as o
        where o.model = p_task.model
            and o.resolution = p_task.resolution
            and o.duration = p_task.duration
            and o.valid_from <= p_task.created_at
        order by o.valid_from desc
        limit 1;
    elsif not v_is_live then
        select coalesce(sum(t.amount), 0)::integer
        into v_refunded
        from public.credit_transactions as t
        where t.task_id = p_task.id and t.type in ('video_refund', 'goodwill_refund');
    end if;

    return jsonb_build_object(
        'task_id', p_task.id,
        'status', p_task.status,
        'created_at', p_task.created_at,
        'completed_at', p_task.completed_at,
        'elapsed_seconds', v_elapsed,
        'estimated_remaining_seconds', greatest(v_typical - v_elapsed, 0),
        'is_overdue', coalesce(v_elapsed > v_slow, false),
        'credit_cost', p_task.credit_cost,
        'refunded_credits', v_refunded,
        'retry_count', p_task.retry_count,
        'retry_of', p_task.retry_of,
        'video', case
            when p_task.status = 'completed' and p_task.permanent_video_url is not null then
                jsonb_build_object(
                    'bucket', 'videos',
                    'path', substr(p_task.permanent_video_url, length('videos/') + 1),
                    'thumbnail_path', substr(p_task.thumbnail_url, length('videos/') + 1),
                    'duration', p_task.duration,
                    'width', p_task.width,
                    'height', p_task.height,
                    'file_size_bytes', p_task.file_size_bytes
                )
        end,
        'error', case
            when p_task.error_code is not null then
                jsonb_build_object('code', p_task.error_code, 'message', p_task.error_message)
        end
    );
end
$$;

-- Counts anew how long clips take, from the latest completed tasks. Called by pg_cron every five minutes.
--
-- What a task waited for a second attempt says nothing of the next one, so repeated generations and transfers and free
-- retries do not count; a single clip that took for ever moves a percentile by one place. Reads a bounded number of
-- rows. Returns how many kinds of clips have an estimate of their own.
create function private.refresh_estimates() returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    insert into private.duration_estimates as e (
        model, resolution, duration, samples, typical_seconds, slow_seconds, refreshed_at
    )
    select
        t.model,
        t.resolution,
        t.duration,
        count(*),
        round(percentile_cont(0.5) within group (order by t.seconds)),
        round(percentile_cont(0.9) within group (order by t.seconds)),
        private.now()
    from (
        select
            h.*,
            extract(epoch from h.completed_at - h.created_at) as seconds
        from public.video_generation_history as h
        where h.status = 'completed'
        order by h.created_at desc, h.id desc
        limit v_settings.estimate_tasks
    ) as t
    where t.retry_of is null
        and t.retry_count = 0
        and not exists (select from private.provider_calls as c where c.task_id = t.id and c.attempt > 1)
    group by t.model, t.resolution, t.duration
    having count(*) >= v_settings.estimate_min_samples
    on conflict (model, resolution, duration) do update
    set
        samples = excluded.samples,
        typical_seconds = excluded.typical_seconds,
        slow_seconds = excluded.slow_seconds,
        refreshed_at = excluded.refreshed_at;

    return (select count(*)::integer from private.duration_estimates);
end
$$;

comment on function private.refresh_estimates() is
'Counts anew how long clips take. Returns how many kinds of clips have an estimate of their own.';
revoke all on function private.refresh_estimates() from public, anon, authenticated, service_role;

select cron.schedule('video-estimates', '*/5 * * * *', 'select private.refresh_estimates()');

-- The caller's tasks, newest first: {items, next_cursor}. status filters; 'in_progress' is every live one.
--
-- Planned for each call with its values: a plan for anybody and any status would read all rows of the largest user for
-- somebody who has none, or for a status that hardly occurs.
create or replace function private.list_videos(p_status text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_live uuid[];
    v_page public.video_generation_history[];
begin
    if p_status not in (
        'pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled', 'in_progress'
    ) then
        perform private.refuse_parameter(
            'status',
            '["pending", "processing", "downloading", "completed", "failed", "cancelled", "in_progress"]',
            'This status does not exist.'
        );
    end if;

    -- One row more than the page tells whether there is a next one. Live tasks are few, and found by their jobs.
    if p_status is null then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    elsif p_status in ('completed', 'failed', 'cancelled') then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.status = p_status
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    else
        v_live := array(
            select j.task_id
            from public.credit_accounts as a
            inner join private.video_jobs as j on a.id = j.account_id
            where a.user_id = v_user_id
        );
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.id = any (v_live)
                and p_status in (h.status, 'in_progress')
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    private.video_status(h) || jsonb_build_object(
                        'prompt', h.prompt,
                        'negative_prompt', h.negative_prompt,
                        'duration', h.duration,
                        'resolution', h.resolution,
                        'aspect_ratio', h.aspect_ratio,
                        'model', h.model,
                        'stars', (select r.stars from public.video_ratings as r where r.task_id = h.id)
                    )
                    order by h.created_at desc, h.id desc
                )
                from unnest(v_page[1:v_page_size]) as h
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

-- Tells a user's open apps that the status of his video changed, where the platform has Realtime: the broadcast
-- `status` on the private channel videos:<user id>, with ids and status only. What it means is asked by
-- get_video_status, which alone decides who sees what.

-- realtime.send is looked up for each message: it may come after us, and it is not ours. Whatever goes wrong in it must
-- not undo a settlement.
create function private.push_status() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if new.user_id is not null and to_regprocedure('realtime.send(jsonb,text,text,boolean)') is not null then
        execute 'select realtime.send($1, $2, $3, true)'
        using jsonb_build_object('task_id', new.id, 'status', new.status), 'status', 'videos:' || new.user_id;
    end if;
    return null;
exception
    when others then
        raise warning 'the status of % could not be pushed: %', new.id, sqlerrm;
        return null;
end
$$;

comment on function private.push_status() is 'Trigger: broadcasts a changed status to its owner; never fails.';
revoke all on function private.push_status() from public, anon, authenticated, service_role;

create trigger status_is_pushed
after update of status on public.video_generation_history
for each row when (old.status is distinct from new.status)
execute function private.push_status();

-- Lets each user listen to his own channel, and to no other. Called by the migration; call it again if Realtime came to
-- the project later. False where there is no Realtime, or it does not let us.
create function private.install_realtime() returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
        return false;
    end if;

    drop policy if exists videos_are_announced_to_their_owner on realtime.messages;
    create policy videos_are_announced_to_their_owner on realtime.messages
    for select to authenticated
    using (extension = 'broadcast' and (select realtime.topic()) = 'videos:' || (select auth.uid())::text);
    return true;
exception
    when insufficient_privilege then
        raise warning 'Realtime does not let us make a policy: %', sqlerrm;
        return false;
end
$$;

comment on function private.install_realtime() is
'Lets users listen to their own channel of Realtime. False where there is none. Run it again if it came later.';
revoke all on function private.install_realtime() from public, anon, authenticated, service_role;

select private.install_realtime();

-- The outbox: what other systems are told by signed webhooks, written in the transaction in which it came true, sent by
-- the worker until it is accepted, at least once. One receiver for videos and one for alerts, each optional: without a
-- URL nothing is written.
--
-- A row keeps its id and its payload through all attempts, so a receiver knows a repeat by the id (webhook-id).
create table private.webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null default private.now(),
    due_at timestamptz not null default private.now(),
    attempts integer not null default 0,
    lease_token uuid,
    leased_by text,
    ended_at timestamptz,
    is_delivered boolean not null default false,
    last_error text,
    constraint webhook_kind_is_known check (kind in ('alert', 'video')),
    constraint webhook_lease_has_a_holder check ((lease_token is null) = (leased_by is null)),
    constraint webhook_attempts_are_never_negative check (attempts >= 0),
    constraint delivered_means_ended check (not is_delivered or ended_at is not null)
);

create index webhook_deliveries_due on private.webhook_deliveries (kind, due_at) where ended_at is null;
create index webhook_deliveries_by_creation on private.webhook_deliveries (created_at);

comment on table private.webhook_deliveries is 'Webhooks to send; kept for a week.';
comment on column private.webhook_deliveries.ended_at is 'Accepted by the receiver (is_delivered), or given up.';
alter table private.webhook_deliveries enable row level security;
revoke all on table private.webhook_deliveries from public, anon, authenticated, service_role;

create function private.queue_webhook(p_kind text, p_type text, p_data jsonb) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.webhook_deliveries (kind, payload)
    values (p_kind, jsonb_build_object('type', p_type, 'timestamp', private.now(), 'data', p_data))
$$;

comment on function private.queue_webhook(text, text, jsonb) is 'Writes a webhook into the outbox.';
revoke all on function private.queue_webhook(text, text, jsonb) from public, anon, authenticated, service_role;

create function private.announce_end() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if (select s.webhook_url from private.settings as s) is not null then
        perform private.queue_webhook(
            'video', 'video.' || new.status,
            jsonb_build_object(
                'task_id', new.id, 'user_id', new.user_id, 'status', new.status, 'error_code', new.error_code
            )
        );
    end if;
    return null;
end
$$;

comment on function private.announce_end() is 'Trigger: a task that ends goes into the outbox.';
revoke all on function private.announce_end() from public, anon, authenticated, service_role;

create trigger end_is_announced
after update of status on public.video_generation_history
for each row when (old.status is distinct from new.status and new.ended_at is not null)
execute function private.announce_end();

-- An alert is told when it opens, and again when it gets worse; not each time it counts up. That alerts cannot be
-- delivered is an alert which is not delivered.
create function private.announce_alert() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    c_severities constant text[] := array['info', 'warning', 'critical'];
    v_settings private.settings;
begin
    if tg_op = 'UPDATE'
        and array_position(c_severities, new.severity) <= array_position(c_severities, old.severity)
    then
        return null;
    end if;

    select * into v_settings from private.settings;
    if v_settings.alert_webhook_url is not null
        and array_position(c_severities, new.severity)
            >= coalesce(array_position(c_severities, v_settings.alert_webhook_severity), 1)
        and (new.kind, new.subject) <> ('webhook_undelivered', 'alert')
    then
        perform private.queue_webhook(
            'alert', 'alert.raised',
            jsonb_build_object(
                'alert_id', new.id, 'kind', new.kind, 'severity', new.severity, 'subject', new.subject,
                'details', new.details
            )
        );
    end if;
    return null;
end
$$;

comment on function private.announce_alert() is 'Trigger: an alert that opens or gets worse goes into the outbox.';
revoke all on function private.announce_alert() from public, anon, authenticated, service_role;

create trigger alert_is_announced
after insert or update of severity on private.alerts
for each row execute function private.announce_alert();

-- Webhooks to send. The worker signs them: its environment holds the secret, so that no backup of the database does.
--
-- {delivery_id, url, body, lease_token, attempt}. The body is sent as it is: it is what was signed. Alerts come first.
create function worker_api.claim_webhooks(worker_id text, slots integer) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with due as materialized (
        select
            d.id,
            case d.kind when 'video' then v_settings.webhook_url else v_settings.alert_webhook_url end as url
        from private.webhook_deliveries as d
        where d.ended_at is null
            and d.due_at <= v_now
            and case d.kind when 'video' then v_settings.webhook_url else v_settings.alert_webhook_url end is not null
        order by d.kind, d.due_at
        limit least(greatest(slots, 0), v_settings.batch_size)
        for update skip locked
    )
    update private.webhook_deliveries as d
    set
        lease_token = gen_random_uuid(),
        leased_by = worker_id,
        due_at = v_now + v_settings.lease_period,
        attempts = d.attempts + 1
    from due
    where d.id = due.id
    returning jsonb_build_object(
        'delivery_id', d.id, 'url', due.url, 'body', d.payload::text, 'lease_token', d.lease_token,
        'attempt', d.attempts
    );
end
$$;

comment on function worker_api.claim_webhooks(text, integer) is 'Leases webhooks to send to a worker.';
revoke all on function worker_api.claim_webhooks(text, integer) from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_webhooks(text, integer) to video_worker;

create function worker_api.complete_webhook(delivery_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_delivery private.webhook_deliveries;
begin
    select * into v_delivery
    from private.webhook_deliveries as d
    where d.id = complete_webhook.delivery_id
    for update;

    if v_delivery.is_delivered is not false then
        return '{"result": "already_applied"}'::jsonb;
    end if;
    if v_delivery.lease_token is distinct from complete_webhook.lease_token then
        return '{"result": "lease_lost"}'::jsonb;
    end if;

    update private.webhook_deliveries as d
    set is_delivered = true, ended_at = private.now(), last_error = null, lease_token = null, leased_by = null
    where d.id = v_delivery.id;
    return '{"result": "applied"}'::jsonb;
end
$$;

comment on function worker_api.complete_webhook(uuid, uuid) is 'The receiver accepted it.';
revoke all on function worker_api.complete_webhook(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_webhook(uuid, uuid) to video_worker;

-- Tries again four times later each time, with some chance in it lest all come back at once; after
-- video_webhook_attempts it gives up with an alert, one for each receiver.
create function worker_api.fail_webhook(delivery_id uuid, lease_token uuid, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_delivery private.webhook_deliveries;
    v_settings private.settings;
    v_now timestamptz := private.now();
begin
    select * into v_settings from private.settings;

    update private.webhook_deliveries as d
    set
        last_error = fail_webhook.detail::text,
        lease_token = null,
        leased_by = null,
        ended_at = case when d.attempts >= v_settings.webhook_attempts then v_now end,
        due_at = v_now + interval '1 second' * (0.8 + 0.4 * random())
            * least(v_settings.webhook_backoff_seconds * power(4, least(d.attempts, 10) - 1), 21600)
    where d.id = fail_webhook.delivery_id and d.lease_token = fail_webhook.lease_token
    returning * into v_delivery;

    if v_delivery.id is null then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    if v_delivery.ended_at is not null then
        perform private.raise_alert(
            'webhook_undelivered', 'warning', v_delivery.kind,
            jsonb_build_object('delivery_id', v_delivery.id, 'attempts', v_delivery.attempts, 'error', detail)
        );
        return '{"result": "applied", "retry_at": null}'::jsonb;
    end if;
    return jsonb_build_object('result', 'applied', 'retry_at', v_delivery.due_at);
end
$$;

comment on function worker_api.fail_webhook(uuid, uuid, jsonb) is
'The receiver did not accept it: tries again later, or gives up with an alert.';
revoke all on function worker_api.fail_webhook(uuid, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.fail_webhook(uuid, uuid, jsonb) to video_worker;

-- Called by pg_cron every 10 seconds: stamps pg_cron's heartbeat and pokes the worker if a job is due.
create or replace function private.tick() returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ('pg_cron', '', '{}')
    on conflict (worker_id) do update
    set beat_at = private.now();

    if exists (select from private.video_jobs as j where j.due_at <= private.now())
        or exists (select from private.file_jobs as f where f.due_at <= private.now())
        or exists (select from private.webhook_deliveries as d where d.ended_at is null and d.due_at <= private.now())
    then
        return private.poke_worker();
    end if;
    return false;
end
$$;

create or replace function private.clean_up() returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < private.now() - interval '7 days';

    -- pg_net forgets its answers by itself; not on every platform, and not while its worker stands still.
    if to_regclass('net._http_response') is not null then
        delete from net._http_response as r
        where r.created < private.now() - interval '7 days';
    end if;

    delete from private.worker_heartbeats as h
    where h.beat_at < private.now() - interval '7 days';

    delete from private.webhook_deliveries as d
    where d.created_at < private.now() - interval '7 days';

    perform private.queue_orphans(1000);
end
$$;

comment on function private.clean_up() is
'Deletes run history, heartbeats and webhooks older than a week; queues files that belong to nobody.';
