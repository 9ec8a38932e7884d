-- What an operator must look at. One open row for each (kind, subject): a repeat counts up instead of flooding.
create table private.alerts (
    id bigint generated always as identity primary key,
    kind text not null,
    severity text not null,
    subject text not null,
    details jsonb not null default '{}',
    occurrences integer not null default 1,
    first_seen_at timestamptz not null default private.now(),
    last_seen_at timestamptz not null default private.now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    constraint alert_severity_is_known check (severity in ('info', 'warning', 'critical')),
    constraint alert_acknowledgement_is_signed check ((acknowledged_at is null) = (acknowledged_by is null))
);

create unique index alerts_one_open_for_each_subject on private.alerts (kind, subject) where acknowledged_at is null;
create index alerts_by_subject on private.alerts (kind, subject, id desc);

comment on table private.alerts is 'Events an operator must look at; one open row for each kind and subject.';
alter table private.alerts enable row level security;
revoke all on table private.alerts from public, anon, authenticated, service_role;

create function private.raise_alert(
    p_kind text,
    p_severity text,
    p_subject text,
    p_details jsonb default '{}'
) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.alerts as a (kind, severity, subject, details)
    values (p_kind, p_severity, p_subject, p_details)
    on conflict (kind, subject) where acknowledged_at is null do update
    set
        occurrences = a.occurrences + 1,
        last_seen_at = excluded.last_seen_at,
        details = excluded.details,
        severity = excluded.severity
$$;

comment on function private.raise_alert(text, text, text, jsonb) is
'Opens an alert, or counts up the open one of the same kind and subject.';
revoke all on function private.raise_alert(text, text, text, jsonb) from public, anon, authenticated, service_role;

-- An alert for something that lasts, and is seen again and again. It stays one, also once it is acknowledged: it opens
-- anew only when it has been away for an hour.
create function private.note_condition(
    p_kind text,
    p_severity text,
    p_subject text,
    p_details jsonb
) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    update private.alerts as a
    set
        occurrences = a.occurrences + 1,
        last_seen_at = private.now(),
        details = p_details
    where a.id = (
        select b.id
        from private.alerts as b
        where b.kind = p_kind
            and b.subject = p_subject
            and b.last_seen_at > private.now() - interval '1 hour'
        order by b.id desc
        limit 1
    );
    if not found then
        perform private.raise_alert(p_kind, p_severity, p_subject, p_details);
    end if;
end
$$;

comment on function private.note_condition(text, text, text, jsonb) is
'Raises an alert for something that lasts: one row, also after it was acknowledged.';
revoke all on function private.note_condition(text, text, text, jsonb)
from public, anon, authenticated, service_role;
