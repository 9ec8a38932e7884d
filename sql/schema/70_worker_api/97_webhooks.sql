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
