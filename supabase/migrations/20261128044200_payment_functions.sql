-- What payment providers say of an order becomes credits exactly once, is taken back exactly once, or waits with an
-- alert and a reason; and users begin purchases and see what became of them.
set lock_timeout = '5s';
set statement_timeout = '60s';

alter table public.payments validate constraint payments_purchase_entry_id_fkey;

-- Brings ledger and status of a payment to what its facts say; called as often as one likes.
--
-- The caller holds the lock of the account, if there is one. Credits once for each order: the row names its entry, and
-- the ledger's idempotency key is the order. Taken back is the part that was paid back, rounded down; what the
-- balance cannot give becomes debt (private.post_entry).
create function private.settle_payment(p_payment_id uuid) returns public.payments
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_payment public.payments;
    v_package public.credit_packages;
    v_entry public.credit_transactions;
    v_to_take_back integer;
begin
    select * into strict v_payment from public.payments as p where p.id = p_payment_id for update;

    if v_payment.paid_at is null then
        return v_payment;
    end if;

    if v_payment.purchase_entry_id is null then
        select * into v_package
        from public.credit_packages as k
        where k.provider = v_payment.provider and k.product_id = v_payment.product_id;

        if v_payment.price_amount is null then
            v_payment.price_amount := v_package.amount;
            v_payment.price_currency := v_package.currency;
            v_payment.unit_credits := v_package.credits;
        end if;
        v_payment.credits := coalesce(v_payment.unit_credits, 0) * v_payment.units;

        v_payment.problem := case
            when not exists (
                    select from public.credit_accounts as a where a.id = v_payment.account_id and a.user_id is not null
                )
                then 'unknown_user'
            when v_package.id is null then 'unknown_product'
            when v_payment.package_id <> v_package.id then 'wrong_product'
            when v_payment.mode is distinct from v_package.mode then 'wrong_mode'
            when v_payment.currency is distinct from v_payment.price_currency then 'wrong_currency'
            when
                (
                    v_payment.price_amount::bigint * v_payment.units in (
                        -- Whether the amount of a discounted order is before or after it, providers do not agree.
                        v_payment.amount::bigint, v_payment.amount::bigint + v_payment.discount_amount
                    )
                ) is not true
                then 'wrong_amount'
        end;

        if v_payment.problem is null then
            v_entry := private.post_entry(
                v_payment.account_id, 'purchase', v_payment.credits, 'system',
                p_reason => 'Purchase: ' || v_package.name,
                p_idempotency_key => v_payment.provider || ':' || v_payment.order_id
            );
            v_payment.purchase_entry_id := v_entry.id;
        end if;
        v_payment.package_id := coalesce(v_payment.package_id, v_package.id);
    end if;

    if v_payment.purchase_entry_id is not null and v_payment.refunded_amount > 0 then
        v_to_take_back := floor(
            v_payment.credits::numeric * least(v_payment.refunded_amount, v_payment.paid_amount) / v_payment.paid_amount
        )::integer - v_payment.refunded_credits;

        if v_to_take_back > 0 then
            perform private.post_entry(
                v_payment.account_id, 'purchase_refund', -v_to_take_back, 'system',
                p_reason => case when v_payment.is_disputed then 'Disputed purchase' else 'Refund of a purchase' end,
                p_idempotency_key => v_payment.provider || ':' || v_payment.order_id || ':'
                || v_payment.refunded_credits + v_to_take_back
            );
            v_payment.refunded_credits := v_payment.refunded_credits + v_to_take_back;
        end if;
    end if;

    update public.payments as p
    set
        package_id = v_payment.package_id,
        price_amount = v_payment.price_amount,
        price_currency = v_payment.price_currency,
        unit_credits = v_payment.unit_credits,
        credits = v_payment.credits,
        purchase_entry_id = v_payment.purchase_entry_id,
        refunded_credits = v_payment.refunded_credits,
        problem = v_payment.problem,
        status = case
            when v_payment.problem is not null then 'held'
            when v_payment.is_disputed then 'disputed'
            when v_payment.refunded_amount >= v_payment.paid_amount and v_payment.refunded_amount > 0 then 'refunded'
            when v_payment.refunded_amount > 0 then 'partially_refunded'
            else 'paid'
        end
    where p.id = p_payment_id
    returning p.* into v_payment;
    return v_payment;
end
$$;

comment on function private.settle_payment(uuid) is
'Posts what the facts of a payment say and the ledger does not yet: credits once, refunds once.';
revoke all on function private.settle_payment(uuid) from public, anon, authenticated, service_role;

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

-- From the choice of a package to the provider's page.
--
-- begin_checkout notes who wants what, before the provider hears of it, so that an order leads back to its buyer
-- whatever the provider forgets. Twenty an hour for each user: an open row costs nothing, but is not free either.
--
-- Locks the caller's account. Raises not_authenticated, invalid_parameter, rate_limited.
create function private.begin_checkout(p_package_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_package public.credit_packages;
    v_account public.credit_accounts;
    v_payment public.payments;
begin
    select * into v_package from public.credit_packages as k where k.id = p_package_id and k.is_enabled;
    if not found then
        perform private.refuse_parameter(
            'package_id',
            (select coalesce(jsonb_agg(k.id order by k.place), '[]') from public.credit_packages as k where k.is_enabled),
            'This package is not on sale.'
        );
    end if;

    v_account := private.lock_account(v_user_id);

    delete from public.payments as p
    where p.account_id = v_account.id
        and p.status = 'open'
        and p.order_id is null
        and p.created_at < private.now() - interval '30 days';

    if (
        select count(*)
        from public.payments as p
        where p.account_id = v_account.id
            and p.status = 'open'
            and p.created_at > private.now() - interval '1 hour'
    ) >= 20 then
        perform private.raise_error(
            'rate_limited', 'You began many purchases in the last hour. Finish one of them, or try again later.',
            '{"retry_after_seconds": 600}'
        );
    end if;

    insert into public.payments (
        account_id, package_id, provider, mode, product_id, price_amount, price_currency, unit_credits, credits
    ) values (
        v_account.id, v_package.id, v_package.provider, v_package.mode, v_package.product_id, v_package.amount,
        v_package.currency, v_package.credits, v_package.credits
    ) returning * into v_payment;

    return jsonb_build_object(
        'payment_id', v_payment.id,
        'package_id', v_package.id,
        'provider', v_payment.provider,
        'mode', v_payment.mode,
        'product_id', v_payment.product_id,
        'credits', v_payment.credits,
        'amount', v_payment.price_amount,
        'currency', v_payment.price_currency
    );
end
$$;

comment on function private.begin_checkout(text) is 'Notes who wants to buy what. See public.begin_checkout.';
revoke all on function private.begin_checkout(text) from public, anon, authenticated, service_role;
grant execute on function private.begin_checkout(text) to authenticated;

create function public.begin_checkout(package_id text) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.begin_checkout(package_id);
end;

comment on function public.begin_checkout(text) is
'Begins a purchase: {payment_id, package_id, provider, mode, product_id, credits, amount, currency}.';
revoke all on function public.begin_checkout(text) from public, anon, authenticated, service_role;
grant execute on function public.begin_checkout(text) to authenticated;

-- The provider's name for a checkout that was begun. Raises item_not_found.
create function private.record_checkout(p_payment_id uuid, p_checkout_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    update public.payments as p
    set checkout_id = p_checkout_id
    where p.id = p_payment_id and p.status = 'open';

    if not found then
        perform private.raise_error('item_not_found', 'There is no open purchase of this id.');
    end if;
    return jsonb_build_object('payment_id', p_payment_id, 'checkout_id', p_checkout_id);
end
$$;

comment on function private.record_checkout(uuid, text) is 'Notes the provider''s id of a checkout.';
revoke all on function private.record_checkout(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.record_checkout(uuid, text) to service_role;

create function public.record_checkout(payment_id uuid, checkout_id text) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.record_checkout(payment_id, checkout_id);
end;

comment on function public.record_checkout(uuid, text) is
'Notes the provider''s id of a checkout that was begun: {payment_id, checkout_id}.';
revoke all on function public.record_checkout(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.record_checkout(uuid, text) to service_role;

-- Which checkouts of the last three days should be compared with the provider: open ones may have been paid without our
-- hearing of it, held ones may be right by now. At most 200 a call, those first that were not looked at for longest.
create function private.take_unsettled_payments(p_provider text) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    with taken as (
        update public.payments as p
        set checked_at = private.now()
        where p.id in (
                select u.id
                from public.payments as u
                where u.provider = p_provider
                    and u.status in ('open', 'held')
                    and u.checkout_id is not null
                    and u.created_at > private.now() - interval '3 days'
                order by u.checked_at nulls first
                limit 200
                for update skip locked
            )
        returning p.id, p.checkout_id
    )

    select coalesce(jsonb_agg(jsonb_build_object('payment_id', t.id, 'checkout_id', t.checkout_id)), '[]')
    from taken as t
$$;

comment on function private.take_unsettled_payments(text) is 'Checkouts to compare with the provider.';
revoke all on function private.take_unsettled_payments(text) from public, anon, authenticated, service_role;
grant execute on function private.take_unsettled_payments(text) to service_role;

create function public.take_unsettled_payments(provider text) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.take_unsettled_payments(provider);
end;

comment on function public.take_unsettled_payments(text) is
'Checkouts that should be compared with the provider: [{payment_id, checkout_id}].';
revoke all on function public.take_unsettled_payments(text) from public, anon, authenticated, service_role;
grant execute on function public.take_unsettled_payments(text) to service_role;

-- A user's own purchases, newest first; those that he began and never paid are left out.
-- Raises not_authenticated, invalid_parameter.
create function private.list_payments(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_page public.payments[];
begin
    select array_agg(r.p order by (r.p).created_at desc, (r.p).id desc) into v_page
    from (
        select p
        from public.payments as p
        where p.account_id = (select a.id from public.credit_accounts as a where a.user_id = v_user_id)
            and p.status <> 'open'
            and (p.created_at, p.id) < (v_from.created_at, v_from.id)
        order by p.created_at desc, p.id desc
        limit v_page_size + 1
    ) as r;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', p.id,
                        'package_id', p.package_id,
                        'status', p.status,
                        'credits', p.credits,
                        'refunded_credits', p.refunded_credits,
                        'amount', p.amount,
                        'currency', p.currency,
                        'paid_at', p.paid_at,
                        'created_at', p.created_at
                    )
                    order by p.created_at desc, p.id desc
                )
                from unnest(v_page[1:v_page_size]) as p
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_payments(text, integer) is 'A page of the caller''s purchases.';
revoke all on function private.list_payments(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_payments(text, integer) to authenticated;

create function public.list_payments(cursor text default null, page_size integer default 20) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_payments(cursor, page_size);
end;

comment on function public.list_payments(text, integer) is
'Page of {id, package_id, status, credits, refunded_credits, amount, currency, paid_at, created_at}, newest first.';
revoke all on function public.list_payments(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_payments(text, integer) to authenticated;

-- Puts a package on sale, changes it, or takes it off (is_enabled). What is not given keeps its value. Who began to buy
-- pays and gets what he was shown.
--
-- Raises not_admin, invalid_parameter {parameter}: what the row's constraints refuse, by the name of the constraint.
create function private.admin_set_credit_package(
    p_id text,
    p_reason text,
    p_name text,
    p_credits integer,
    p_amount integer,
    p_currency text,
    p_provider text,
    p_mode text,
    p_product_id text,
    p_place integer,
    p_is_enabled boolean
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_old public.credit_packages;
    v_new public.credit_packages;
    v_rule text;
begin
    select * into v_old from public.credit_packages as k where k.id = p_id for update;

    begin
        insert into public.credit_packages as k (
            id, name, credits, amount, currency, provider, mode, product_id, place, is_enabled
        ) values (
            p_id,
            coalesce(p_name, v_old.name),
            coalesce(p_credits, v_old.credits),
            coalesce(p_amount, v_old.amount),
            coalesce(p_currency, v_old.currency),
            coalesce(p_provider, v_old.provider),
            coalesce(p_mode, v_old.mode, 'prod'),
            coalesce(p_product_id, v_old.product_id),
            coalesce(p_place, v_old.place, 0),
            coalesce(p_is_enabled, v_old.is_enabled, true)
        )
        on conflict (id) do update
            set
                name = excluded.name,
                credits = excluded.credits,
                amount = excluded.amount,
                currency = excluded.currency,
                provider = excluded.provider,
                mode = excluded.mode,
                product_id = excluded.product_id,
                place = excluded.place,
                is_enabled = excluded.is_enabled
        returning k.* into v_new;
    exception
        when not_null_violation then
            get stacked diagnostics v_rule = column_name;
            perform private.refuse_parameter(v_rule, '"a value"', format('A new package needs %s.', v_rule));
        when check_violation or unique_violation then
            get stacked diagnostics v_rule = constraint_name;
            perform private.refuse_parameter('package', to_jsonb(v_rule), format('This breaks the rule %s.', v_rule));
    end;

    insert into private.admin_actions (actor, action, details, reason)
    values (
        v_actor, 'set_credit_package',
        jsonb_build_object('package', p_id, 'before', to_jsonb(v_old), 'after', to_jsonb(v_new)), v_reason
    );
    return to_jsonb(v_new);
end
$$;

comment on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) is 'Puts a package on sale or changes it.';
revoke all on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) from public, anon, authenticated, service_role;
grant execute on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) to authenticated, service_role;

create function public.admin_set_credit_package(
    id text,
    reason text,
    name text default null,
    credits integer default null,
    amount integer default null,
    currency text default null,
    provider text default null,
    mode text default null,
    product_id text default null,
    place integer default null,
    is_enabled boolean default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_set_credit_package(
        id, reason, name, credits, amount, currency, provider, mode, product_id, place, is_enabled
    );
end;

comment on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) is 'Puts a package of credits on sale, or changes what is given of it: the whole row. Administrators only.';
revoke all on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) to authenticated, service_role;
