-- How long a clip takes here, by this installation's own history: half are done after typical_seconds, nine of ten
-- after slow_seconds. A few rows, counted anew every five minutes, so that no order and no poll counts anything.
-- A kind of clip that too few were made of has no row: the catalogue says what to expect.
create table private.duration_estimates (
    model text not null references public.video_models (id),
    resolution text not null,
    duration integer not null,
    samples integer not null,
    typical_seconds integer not null,
    slow_seconds integer not null,
    refreshed_at timestamptz not null default private.now(),
    primary key (model, resolution, duration),
    constraint estimates_are_ordered check (0 <= typical_seconds and typical_seconds <= slow_seconds)
);

comment on table private.duration_estimates is 'Seconds from order to clip: median and 90th percentile.';
alter table private.duration_estimates enable row level security;
revoke all on table private.duration_estimates from public, anon, authenticated, service_role;
