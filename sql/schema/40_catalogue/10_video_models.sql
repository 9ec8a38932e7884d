-- What is sold: models, what each can do, and which combinations it makes at which cost.
create table public.video_models (
    id text primary key,
    provider text not null,
    provider_model text not null,
    display_name text not null,
    has_negative_prompt boolean not null,
    has_reference_image boolean not null,
    credit_multiplier numeric not null default 1,
    is_enabled boolean not null default true,
    paused_at timestamptz,
    pause_reason text,
    retires_at timestamptz,
    price_checked_at timestamptz,
    constraint model_id_is_a_slug check (id ~ '^[a-z0-9][a-z0-9.-]*$'),
    constraint model_multiplier_is_positive check (credit_multiplier > 0),
    constraint model_pause_has_a_reason check ((paused_at is null) = (pause_reason is null))
);

comment on table public.video_models is 'Models on sale. provider names a folder of the worker.';
comment on column public.video_models.paused_at is
'Set by the system when the provider says the model is gone; an administrator clears it.';
comment on column public.video_models.price_checked_at is
'When an administrator last confirmed what its seconds cost. Null: never, the prices are those of the installation.';
alter table public.video_models enable row level security;
revoke all on table public.video_models from public, anon, authenticated, service_role;
grant select on table public.video_models to service_role;

create table public.video_model_options (
    model text not null references public.video_models (id),
    resolution text not null,
    duration integer not null,
    valid_from timestamptz not null default '2026-01-01 00:00:00+00',
    usd_per_second numeric not null,
    typical_seconds integer not null,
    slow_seconds integer not null,
    primary key (model, resolution, duration, valid_from),
    constraint option_resolution_is_known check (resolution in ('720p', '1080p')),
    constraint option_duration_is_known check (duration in (4, 6, 8)),
    constraint option_cost_is_positive check (usd_per_second > 0),
    constraint option_times_are_ordered check (0 < typical_seconds and typical_seconds <= slow_seconds)
);

comment on table public.video_model_options is 'Combinations a model makes, and what a second costs us from when on.';
comment on column public.video_model_options.typical_seconds is
'Expected time to a finished clip, before there is history.';
comment on column public.video_model_options.slow_seconds is
'Time after which a task is overdue, before there is history.';
alter table public.video_model_options enable row level security;
revoke all on table public.video_model_options from public, anon, authenticated, service_role;
grant select on table public.video_model_options to service_role;

insert into public.video_models (
    id, provider, provider_model, display_name, has_negative_prompt, has_reference_image, credit_multiplier, is_enabled
) values
('veo-3.1', 'vertex', 'veo-3.1-generate-001', 'Veo 3.1', true, true, 1, true),
('veo-3.1-fast', 'vertex', 'veo-3.1-fast-generate-001', 'Veo 3.1 Fast', true, true, 0.5, true),
-- Off until an operator sets GOOGLE_AI_API_KEY and switches it on.
('gemini-omni', 'gemini', 'gemini-omni-1.2-flash', 'Gemini Omni', false, true, 0.5, false);

insert into public.video_model_options (model, resolution, duration, usd_per_second, typical_seconds, slow_seconds)
select
    c.model,
    c.resolution,
    d.duration,
    c.usd_per_second,
    c.typical_seconds,
    c.slow_seconds
from (
    values
    ('veo-3.1', '720p', 0.75, 60, 180),
    ('veo-3.1', '1080p', 0.75, 90, 240),
    ('veo-3.1-fast', '720p', 0.10, 60, 180),
    ('veo-3.1-fast', '1080p', 0.12, 90, 240),
    ('gemini-omni', '720p', 0.101, 60, 180),
    ('gemini-omni', '1080p', 0.152, 90, 240)
) as c (model, resolution, usd_per_second, typical_seconds, slow_seconds)
cross join (values (4), (6), (8)) as d (duration);
