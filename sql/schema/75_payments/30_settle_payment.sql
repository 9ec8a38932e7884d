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
