-- What a worker has to do next: one small row for each live task, gone when the task ends.
--
-- stage       submit      waiting to be handed to the provider
--             submitting  a create call is in flight; if its worker vanishes, the outcome is unknown
--             reconcile   the outcome of a create call is unknown: look for its clip, never send it again
--             poll        accepted by the provider
--             transfer    made; to be moved into Storage
--
-- due_at is when a worker may take the job. While a lease holds, due_at is the end of the lease: one index serves
-- "due now" and "lease expired", and claiming costs the same after ten million videos.
create table private.video_jobs (
    task_id uuid primary key references public.video_generation_history (id),
    account_id uuid not null references public.credit_accounts (id),
    model text not null references public.video_models (id),
    stage text not null,
    due_at timestamptz not null default private.now(),
    deadline_at timestamptz not null,
    lease_token uuid,
    leased_by text,
    -- The lease under which the attempt in flight began: a repeated begin_submit or begin_transfer is recognised.
    attempt_lease uuid,
    -- The lease that ended last by a verdict: a repeated verdict is recognised.
    last_lease uuid,
    submit_attempt integer not null default 0,
    refusals integer not null default 0,
    last_refusal text,
    download_attempt integer not null default 0,
    counts_for_limit boolean not null default true,
    constraint job_stage_is_known check (stage in ('submit', 'submitting', 'reconcile', 'poll', 'transfer')),
    constraint lease_has_a_holder check ((lease_token is null) = (leased_by is null)),
    constraint submitting_means_leased check (stage <> 'submitting' or lease_token is not null),
    constraint in_flight_means_an_attempt check (
        stage not in ('submitting', 'reconcile', 'poll') or submit_attempt > 0
    ),
    constraint attempts_are_never_negative check (submit_attempt >= 0 and refusals >= 0 and download_attempt >= 0)
);

create index video_jobs_due on private.video_jobs (stage, due_at);
create index video_jobs_by_account on private.video_jobs (account_id);
create index video_jobs_by_deadline on private.video_jobs (deadline_at);

comment on table private.video_jobs is 'The queue: one row for each live task. Claims lock rows here and nowhere else.';
alter table private.video_jobs enable row level security;
revoke all on table private.video_jobs from public, anon, authenticated, service_role;
