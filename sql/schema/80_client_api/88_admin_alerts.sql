-- What an operator must look at, newest first: {items, next_cursor}. Those that are acknowledged only if asked for.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_alerts(
    p_severity text,
    p_include_acknowledged boolean,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_page_size integer;
    v_before bigint;
    v_page private.alerts[];
begin
    perform private.require_admin();
    if p_severity not in ('info', 'warning', 'critical') then
        perform private.refuse_parameter(
            'severity', '["info", "warning", "critical"]', 'severity must be info, warning or critical.'
        );
    end if;
    v_page_size := private.checked_page_size(p_page_size);
    v_before := (private.decode_place(p_cursor, 'alerts')).value;

    select array_agg(p.a order by (p.a).id desc) into v_page
    from (
        select a
        from private.alerts as a
        where (p_severity is null or a.severity = p_severity)
            and (a.acknowledged_at is null or coalesce(p_include_acknowledged, false))
            and a.id < coalesce(v_before, 9223372036854775807)
        order by a.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (select jsonb_agg(to_jsonb(a) order by a.id desc) from unnest(v_page[1:v_page_size]) as a), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_place('alerts', (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_alerts(text, boolean, text, integer) is 'A page of alerts.';
revoke all on function private.admin_list_alerts(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_alerts(text, boolean, text, integer) to authenticated;

create function public.admin_list_alerts(
    severity text default null,
    include_acknowledged boolean default false,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_alerts(severity, include_acknowledged, cursor, page_size);
end;

comment on function public.admin_list_alerts(text, boolean, text, integer) is
'What an operator must look at, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_alerts(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_alerts(text, boolean, text, integer) to authenticated;

-- Somebody has seen it: the alert, as it is then. Repeating it is fine, and leaves the first name in place. What
-- happens again afterwards is a new alert; what lasts stays this one. Raises not_admin, alert_not_found.
create function private.admin_acknowledge_alert(p_alert_id bigint) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_alert private.alerts;
begin
    select * into v_alert from private.alerts as a where a.id = p_alert_id for update;
    if not found then
        perform private.raise_error('alert_not_found', 'There is no such alert.');
    end if;

    if v_alert.acknowledged_at is null then
        update private.alerts as a
        set acknowledged_at = private.now(), acknowledged_by = v_actor
        where a.id = p_alert_id
        returning * into v_alert;

        insert into private.admin_actions (actor, action, details)
        values (
            v_actor, 'acknowledge_alert',
            jsonb_build_object('alert', v_alert.id, 'kind', v_alert.kind, 'subject', v_alert.subject)
        );
    end if;
    return to_jsonb(v_alert);
end
$$;

comment on function private.admin_acknowledge_alert(bigint) is 'Notes that somebody has seen an alert.';
revoke all on function private.admin_acknowledge_alert(bigint) from public, anon, authenticated, service_role;
grant execute on function private.admin_acknowledge_alert(bigint) to authenticated;

create function public.admin_acknowledge_alert(alert_id bigint) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_acknowledge_alert(alert_id);
end;

comment on function public.admin_acknowledge_alert(bigint) is
'Notes that somebody has seen an alert; answers it. Administrators only.';
revoke all on function public.admin_acknowledge_alert(bigint) from public, anon, authenticated, service_role;
grant execute on function public.admin_acknowledge_alert(bigint) to authenticated;
