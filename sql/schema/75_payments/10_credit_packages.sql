-- What users may buy: an amount of credits for a price, each one product of a payment provider.
--
-- The price stands here as well as at the provider: an order that was paid with another amount, in another currency
-- or in test mode gives no credits (private.settle_payment).
create table public.credit_packages (
    id text primary key,
    name text not null,
    credits integer not null,
    amount integer not null,
    currency text not null,
    provider text not null,
    mode text not null default 'prod',
    product_id text not null,
    place integer not null default 0,
    is_enabled boolean not null default true,
    created_at timestamptz not null default private.now(),
    constraint package_id_is_a_slug check (id ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
    constraint package_name_is_short check (char_length(name) between 1 and 80),
    constraint package_has_credits check (credits between 1 and 100000000),
    constraint package_price_is_never_negative check (amount >= 0),
    constraint package_currency_is_iso_4217 check (currency ~ '^[A-Z]{3}$'),
    constraint package_provider_is_a_name check (provider ~ '^[a-z][a-z_]{1,30}$'),
    constraint package_mode_is_known check (mode in ('test', 'prod')),
    constraint package_is_one_product unique (provider, product_id)
);

comment on table public.credit_packages is 'Credits on sale: a price, and the product of the provider that sells it.';
comment on column public.credit_packages.amount is 'The price without tax, in the smallest unit of the currency.';
comment on column public.credit_packages.mode is 'test for a product of the provider''s test mode.';
alter table public.credit_packages enable row level security;
revoke all on table public.credit_packages from public, anon, authenticated, service_role;
grant select on table public.credit_packages to service_role;

-- For everybody, as a price list is.
create function private.list_credit_packages() returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'id', p.id, 'name', p.name, 'credits', p.credits, 'amount', p.amount, 'currency', p.currency
            )
            order by p.place, p.amount, p.id
        ), '[]'
    )
    from public.credit_packages as p
    where p.is_enabled
$$;

comment on function private.list_credit_packages() is 'Every package on sale.';
revoke all on function private.list_credit_packages() from public, anon, authenticated, service_role;
grant execute on function private.list_credit_packages() to anon, authenticated, service_role;

create function public.list_credit_packages() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_credit_packages();
end;

comment on function public.list_credit_packages() is
'Every package of credits on sale: [{id, name, credits, amount, currency}]; amount without tax, in cents.';
revoke all on function public.list_credit_packages() from public, anon, authenticated, service_role;
grant execute on function public.list_credit_packages() to anon, authenticated, service_role;
