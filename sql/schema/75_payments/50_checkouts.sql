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
