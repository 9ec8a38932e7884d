-- Takes in what a payment provider said of one order: from a webhook, or from the provider's own list.
--
-- Any order, any number of times. `kind` is the neutral meaning: paid; refunded and disputed with the whole amount that
-- has gone back so far (not the last step, so that no step can be counted twice or missed); other for what concerns no
-- credits. `problem` is why the receiver could not make sense of the event: it is kept, an alert opens, nothing else.
--
-- Only service_role calls this: whoever could would print money. Locks the account, then the payment.
-- Raises invalid_parameter. Answers {result, payment_id, status, problem, credits, refunded_credits}; result is
-- applied, already_applied, held or ignored.

-- The row of an order, made if need be, under the lock of its account. p_payment_id is what we gave the provider along
-- with the checkout; an order that we did not begin is known by its user alone.
create function private.lock_payment(
    p_provider text,
    p_order_id text,
    p_payment_id uuid,
    p_user_id uuid
) returns public.payments
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_payment public.payments;
    v_account_id uuid;
begin
    select p.account_id into v_account_id
    from public.payments as p
    where p.provider = p_provider
        and (p.order_id = p_order_id or (p.id = p_payment_id and p.order_id is null))
    order by p.order_id nulls last
    limit 1;

    if v_account_id is not null then
        perform from public.credit_accounts as a where a.id = v_account_id for update;
    elsif exists (select from auth.users as u where u.id = p_user_id and u.deleted_at is null) then
        v_account_id := (private.lock_account(p_user_id)).id;
    end if;

    update public.payments as p
    set order_id = p_order_id
    where p.provider = p_provider and p.id = p_payment_id and p.order_id is null
        and not exists (select from public.payments as o where o.provider = p_provider and o.order_id = p_order_id);

    insert into public.payments (provider, order_id, account_id)
    values (p_provider, p_order_id, v_account_id)
    on conflict (provider, order_id) do update set account_id = coalesce(payments.account_id, excluded.account_id)
    returning * into v_payment;
    return v_payment;
end
$$;

comment on function private.lock_payment(text, text, uuid, uuid) is
'Locks account and payment of an order; makes the payment if we have not heard of it.';
revoke all on function private.lock_payment(text, text, uuid, uuid) from public, anon, authenticated, service_role;

create function private.record_payment(
    p_provider text,
    p_event_id text,
    p_event_type text,
    p_kind text,
    p_payload jsonb,
    p_order_id text,
    p_payment_id uuid,
    p_user_id uuid,
    p_checkout_id text,
    p_product_id text,
    p_mode text,
    p_units integer,
    p_amount integer,
    p_discount_amount integer,
    p_currency text,
    p_paid_amount integer,
    p_refunded_amount integer,
    p_occurred_at timestamptz,
    p_problem text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_before public.payments;
    v_after public.payments;
    v_result text := 'ignored';
begin
    if num_nulls(p_provider, p_event_id, p_event_type, p_payload) > 0 then
        perform private.refuse_parameter(
            'event_id', '["provider", "event_id", "event_type", "payload"]', 'An event needs all of these.'
        );
    end if;
    if p_kind is null or p_kind not in ('paid', 'refunded', 'disputed', 'other') then
        perform private.refuse_parameter('kind', '["paid", "refunded", "disputed", "other"]', 'This kind is unknown.');
    end if;
    if p_kind <> 'other' and p_order_id is null then
        perform private.refuse_parameter('order_id', '"text"', 'Only an event of kind other may name no order.');
    end if;
    if p_kind in ('refunded', 'disputed') and coalesce(least(p_paid_amount, p_refunded_amount), 0) < 1 then
        perform private.refuse_parameter(
            'refunded_amount', '{"minimum": 1}', 'A refund needs what was paid and what has gone back.'
        );
    end if;

    if p_kind <> 'other' and p_problem is null then
        v_before := private.lock_payment(p_provider, p_order_id, p_payment_id, p_user_id);

        update public.payments as p
        set
            checkout_id = coalesce(p.checkout_id, p_checkout_id),
            paid_amount = coalesce(p_paid_amount, p.paid_amount),
            refunded_amount = greatest(p.refunded_amount, p_refunded_amount),
            is_disputed = p.is_disputed or p_kind = 'disputed'
        where p.id = v_before.id;

        if p_kind = 'paid' and v_before.purchase_entry_id is null then
            update public.payments as p
            set
                product_id = p_product_id,
                mode = p_mode,
                units = coalesce(p_units, 1),
                amount = p_amount,
                discount_amount = coalesce(p_discount_amount, 0),
                currency = p_currency,
                paid_at = coalesce(p.paid_at, p_occurred_at, private.now())
            where p.id = v_before.id;
        end if;

        v_after := private.settle_payment(v_before.id);
        v_result := case
            when v_after.status = 'held' then 'held'
            when (v_before.status, v_before.refunded_amount) = (v_after.status, v_after.refunded_amount)
                then 'already_applied'
            else 'applied'
        end;
    end if;

    insert into private.payment_events as e (provider, event_id, type, payload, result, payment_id)
    values (p_provider, p_event_id, p_event_type, p_payload, coalesce(p_problem, v_result), v_after.id)
    on conflict (provider, event_id) do update
        set deliveries = e.deliveries + 1, last_received_at = private.now(), result = excluded.result;

    if v_after.status = 'held' then
        perform private.raise_alert(
            'payment_held', 'critical', p_provider || ':' || p_order_id,
            jsonb_build_object('payment_id', v_after.id, 'problem', v_after.problem, 'event_id', p_event_id)
        );
    elsif v_after.is_disputed and not v_before.is_disputed then
        perform private.raise_alert(
            'payment_disputed', 'warning', p_provider || ':' || p_order_id,
            jsonb_build_object('payment_id', v_after.id, 'refunded_credits', v_after.refunded_credits)
        );
    elsif p_problem is not null then
        perform private.raise_alert(
            'payment_event_refused', 'critical', p_provider || ':' || p_event_id,
            jsonb_build_object('type', p_event_type, 'problem', p_problem, 'order_id', p_order_id)
        );
    end if;

    return jsonb_build_object(
        'result', v_result,
        'payment_id', v_after.id,
        'status', v_after.status,
        'problem', coalesce(p_problem, v_after.problem),
        'credits', v_after.credits,
        'refunded_credits', v_after.refunded_credits
    );
end
$$;

comment on function private.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) is 'Takes in what a provider said of an order. See public.record_payment.';
revoke all on function private.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) from public, anon, authenticated, service_role;
grant execute on function private.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) to service_role;

create function public.record_payment(
    provider text,
    event_id text,
    event_type text,
    kind text,
    payload jsonb,
    order_id text default null,
    payment_id uuid default null,
    user_id uuid default null,
    checkout_id text default null,
    product_id text default null,
    mode text default null,
    units integer default 1,
    amount integer default null,
    discount_amount integer default 0,
    currency text default null,
    paid_amount integer default null,
    refunded_amount integer default 0,
    occurred_at timestamptz default null,
    problem text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.record_payment(
        provider, event_id, event_type, kind, payload, order_id, payment_id, user_id, checkout_id, product_id, mode,
        units, amount, discount_amount, currency, paid_amount, refunded_amount, occurred_at, problem
    );
end;

comment on function public.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) is 'What a payment provider said of an order: {result, payment_id, status, problem, credits, refunded_credits}.';
revoke all on function public.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) from public, anon, authenticated, service_role;
grant execute on function public.record_payment(
    text, text, text, text, jsonb, text, uuid, uuid, text, text, text, integer, integer, integer, text, integer,
    integer, timestamptz, text
) to service_role;
