-- Every request that may cost money, written before it is sent. An operation id, once known, is never lost.
--
-- outcome  in_flight -> accepted -> succeeded | filtered | failed | abandoned (we stopped waiting)
--                    -> refused | rejected (nothing was made) | unknown -> succeeded (adopted)
--          late: the provider's answer came after the task had ended
create table private.provider_calls (
    task_id uuid not null references public.video_generation_history (id),
    attempt integer not null,
    model text not null references public.video_models (id),
    provider text not null,
    provider_model text not null,
    output_prefix text not null,
    operation_id text,
    outcome text not null default 'in_flight',
    usd numeric not null,
    day date not null,
    detail jsonb not null default '{}',
    created_at timestamptz not null default private.now(),
    ended_at timestamptz,
    primary key (task_id, attempt),
    constraint call_outcome_is_known check (
        outcome in (
            'in_flight', 'accepted', 'refused', 'rejected', 'unknown', 'succeeded', 'filtered', 'failed', 'abandoned',
            'late'
        )
    ),
    constraint call_cost_is_never_negative check (usd >= 0)
);

create index provider_calls_by_creation on private.provider_calls (created_at);
create unique index provider_calls_by_operation on private.provider_calls (operation_id) where operation_id is not null;
-- From a file to delete to the call that made it: who made it, and under which name.
create unique index provider_calls_by_output_prefix on private.provider_calls (output_prefix);

comment on table private.provider_calls is 'Requests that may cost money, written before each is sent.';
comment on column private.provider_calls.usd is
'USD booked for the call: the estimate at first, zero once surely not charged.';
comment on column private.provider_calls.detail is 'What the provider said, raw. For administrators only.';
alter table private.provider_calls enable row level security;
revoke all on table private.provider_calls from public, anon, authenticated, service_role;

-- USD booked for each UTC day, and the brake on each model. Hot rows: the last in the lock order, held shortly.
create table private.daily_spend (
    day date primary key,
    usd numeric not null,
    constraint spend_is_never_negative check (usd >= 0)
);

comment on table private.daily_spend is 'USD booked for provider calls in each UTC day.';
alter table private.daily_spend enable row level security;
revoke all on table private.daily_spend from public, anon, authenticated, service_role;

create table private.model_brakes (
    model text primary key references public.video_models (id),
    minute timestamptz not null,
    submitted integer not null default 0,
    paused_until timestamptz,
    constraint submitted_is_never_negative check (submitted >= 0)
);

comment on table private.model_brakes is
'Create calls in the current minute, and the pause a refusing provider asked for; shared by all workers.';
alter table private.model_brakes enable row level security;
revoke all on table private.model_brakes from public, anon, authenticated, service_role;
