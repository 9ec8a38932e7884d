-- Purchases: one row for each order, from the checkout on.
--
-- A row collects facts (paid, refunded, disputed), which only grow, in whatever order and how often the provider tells
-- them; private.settle_payment derives from the facts what the ledger should say, and posts what is missing. So a
-- replay posts nothing, and a refund that is told before its payment is taken back when that arrives.
--
-- open                the user was sent to the provider; nothing is paid
-- paid                the credits are in the ledger
-- partially_refunded  the credits for the part that was paid back are taken back, or owed
-- refunded, disputed  all of them
-- held                paid, but no credits: problem says why, an alert is open. Told again, it is judged again.
create table public.payments (
    id uuid primary key default gen_random_uuid(),
    account_id uuid references public.credit_accounts (id),
    package_id text references public.credit_packages (id),
    status text not null default 'open',
    problem text,
    provider text not null,
    mode text,
    checkout_id text,
    order_id text,
    product_id text,
    units integer not null default 1,
    price_amount integer,
    price_currency text,
    unit_credits integer,
    credits integer not null default 0,
    amount integer,
    discount_amount integer not null default 0,
    currency text,
    paid_amount integer,
    refunded_amount integer not null default 0,
    is_disputed boolean not null default false,
    refunded_credits integer not null default 0,
    purchase_entry_id uuid unique references public.credit_transactions (id),
    checked_at timestamptz,
    paid_at timestamptz,
    created_at timestamptz not null default private.now(),
    constraint payment_status_is_known check (
        status in ('open', 'paid', 'partially_refunded', 'refunded', 'disputed', 'held')
    ),
    constraint payment_with_credits_names_its_entry check (
        (purchase_entry_id is not null) = (status in ('paid', 'partially_refunded', 'refunded', 'disputed'))
    ),
    constraint payment_is_held_for_a_reason check ((problem is not null) = (status = 'held')),
    constraint payment_without_an_account_gives_nothing check (purchase_entry_id is null or account_id is not null),
    constraint payment_takes_back_what_it_gave check (
        refunded_credits between 0 and case when purchase_entry_id is null then 0 else credits end
    ),
    constraint payment_amounts_are_never_negative check (
        least(amount, discount_amount, paid_amount, refunded_amount, price_amount) >= 0
    ),
    constraint payment_is_one_order unique (provider, order_id)
);

create index payments_by_account on public.payments (account_id, created_at desc, id desc);
create index payments_unsettled on public.payments (provider, checked_at nulls first)
where status in ('open', 'held') and checkout_id is not null;
create index payments_by_package on public.payments (package_id);

comment on table public.payments is 'Purchases of credits, one row for each order.';
comment on column public.payments.price_amount is 'Price of one unit when the user chose it, or of the package.';
comment on column public.payments.unit_credits is 'Credits of one unit, fixed with the price.';
comment on column public.payments.paid_amount is 'What was paid, tax included: a refund is a part of this.';
comment on column public.payments.checked_at is 'When the provider was last asked about it, while unsettled.';
alter table public.payments enable row level security;
revoke all on table public.payments from public, anon, authenticated, service_role;
grant select (
    id, account_id, package_id, status, credits, amount, currency, refunded_credits, paid_at, created_at
) on table public.payments to authenticated;
grant select on table public.payments to service_role;

create policy payments_are_read_by_their_owner on public.payments
for select to authenticated
using (
    account_id in (
        select a.id
        from public.credit_accounts as a
        where a.user_id = (select auth.uid())
    )
);

-- What a provider told us, as it came, without the customer's name and address: for an operator who has to find out.
create table private.payment_events (
    provider text not null,
    event_id text not null,
    type text not null,
    payload jsonb not null,
    result text not null,
    payment_id uuid,
    deliveries integer not null default 1,
    received_at timestamptz not null default private.now(),
    last_received_at timestamptz not null default private.now(),
    primary key (provider, event_id)
);

create index payment_events_by_payment on private.payment_events (payment_id) where payment_id is not null;

comment on table private.payment_events is 'Events of payment providers, one row for each, and what came of it.';
alter table private.payment_events enable row level security;
revoke all on table private.payment_events from public, anon, authenticated, service_role;
