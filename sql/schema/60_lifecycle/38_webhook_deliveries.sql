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
