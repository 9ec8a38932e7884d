-- Tasks, their jobs, provider calls and the declared settlement.
-- First version: made from sql/schema/50_videos, where each object stands in a file of its own.
-- The tables below are new and empty: their keys lock nothing that anybody uses.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid

set lock_timeout = '5s';
set statement_timeout = '60s';

-- A user's images: made by the host application, or uploaded as references. Usable as the first frame of a clip.
create table public.image_generation_history (
    id uuid primary key default gen_random_uuid(),
    user_id uuid,
    prompt text,
    bucket text not null,
    path text not null,
    width integer,
    height integer,
    credit_cost integer not null default 0,
    created_at timestamptz not null default private.now(),
    deleted_at timestamptz,
    constraint image_has_a_size check (width > 0 and height > 0),
    constraint image_cost_is_never_negative check (credit_cost >= 0),
    constraint image_is_recorded_once unique (bucket, path)
);

create index image_generation_history_by_user
on public.image_generation_history (user_id, created_at desc, id desc) where deleted_at is null;

comment on table public.image_generation_history is 'A user''s images; each is one object in Storage.';
alter table public.image_generation_history enable row level security;
revoke all on table public.image_generation_history from public, anon, authenticated, service_role;
grant select (
    id, user_id, prompt, bucket, path, width, height, credit_cost, created_at
) on table public.image_generation_history to authenticated;
grant select on table public.image_generation_history to service_role;

create policy images_are_read_by_their_owner on public.image_generation_history
for select to authenticated
using (user_id = (select auth.uid()) and deleted_at is null);

-- One row for each task, from the payment to the file: what was asked, what became of it, how it was settled.
--
--   pending -> processing -> downloading -> completed
--      |            |             |
--      |            +-------------+---> failed (credits back)
--      +---> cancelled (credits back) | failed
--
-- The constraints say what a row of each status holds, in both directions; a trigger refuses every other move.
-- Live state that changes with each poll is in private.video_jobs, so this row is written a few times in its life.
create table public.video_generation_history (
    id uuid primary key default gen_random_uuid(),
    account_id uuid not null references public.credit_accounts (id),
    user_id uuid,
    status text not null default 'pending',
    prompt text,
    negative_prompt text,
    aspect_ratio text not null,
    resolution text not null,
    duration integer not null,
    model text not null references public.video_models (id),
    reference_image_bucket text,
    reference_image_path text,
    request jsonb not null,
    idempotency_key text,
    credit_cost integer not null,
    charge_id uuid,
    refund_id uuid,
    retry_of uuid references public.video_generation_history (id),
    operation_id text,
    google_video_url text,
    permanent_video_url text,
    thumbnail_url text,
    file_size_bytes bigint,
    sha256 text,
    width integer,
    height integer,
    video_duration numeric,
    error_code text,
    error_message text,
    retry_count integer not null default 0,
    resolving_lease uuid,
    created_at timestamptz not null default private.now(),
    completed_at timestamptz,
    downloaded_at timestamptz,
    ended_at timestamptz,
    deleted_at timestamptz,
    charge_type text generated always as ('video_generation') stored,
    charge_amount integer generated always as (-credit_cost) stored,
    refund_type text generated always as ('video_refund') stored,

    constraint status_is_known check (
        status in ('pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled')
    ),
    constraint aspect_ratio_is_offered check (aspect_ratio in ('16:9', '9:16')),
    constraint resolution_is_offered check (resolution in ('720p', '1080p')),
    constraint duration_is_offered check (duration in (4, 6, 8)),
    constraint cost_is_never_negative check (credit_cost >= 0),
    constraint retry_count_is_never_negative check (retry_count >= 0),
    constraint idempotency_key_is_short check (char_length(idempotency_key) between 1 and 255),
    constraint prompt_stays_until_deletion check (prompt is not null or deleted_at is not null),
    constraint person_leaves_only_with_the_content check (user_id is not null or deleted_at is not null),
    constraint reference_image_has_bucket_and_path check (
        (reference_image_bucket is null) = (reference_image_path is null)
    ),
    constraint only_live_tasks_have_not_ended check (
        (status in ('pending', 'processing', 'downloading')) = (ended_at is null)
    ),
    constraint only_ended_tasks_are_deleted check (deleted_at is null or ended_at is not null),
    constraint completed_means_completed_at check ((status = 'completed') = (completed_at is not null)),
    constraint completed_means_downloaded check ((status = 'completed') = (downloaded_at is not null)),
    constraint completed_means_stored check (
        case
            when status <> 'completed'
                then num_nonnulls(
                    permanent_video_url, thumbnail_url, file_size_bytes, sha256, width, height, video_duration
                ) = 0
            when deleted_at is null
                then num_nulls(permanent_video_url, file_size_bytes, sha256, width, height, video_duration) = 0
            else true
        end
    ),
    constraint file_is_not_empty check (file_size_bytes > 0),
    constraint file_checksum_is_sha256 check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint clip_has_a_size_and_a_length check (width > 0 and height > 0 and video_duration > 0),
    constraint failed_means_error check (
        (status = 'failed') = (error_code is not null) and (error_code is null) = (error_message is null)
    ),
    constraint pending_means_not_accepted check (status <> 'pending' or operation_id is null),
    constraint processing_means_accepted check (status <> 'processing' or operation_id is not null),
    constraint downloading_means_made check (status <> 'downloading' or google_video_url is not null),
    constraint times_are_ordered check (
        ended_at >= created_at and downloaded_at >= created_at and completed_at >= created_at
    ),
    constraint task_is_charged_unless_free check ((credit_cost > 0) = (charge_id is not null)),
    constraint retry_is_free check (retry_of is null or credit_cost = 0),
    constraint no_task_ends_without_its_refund check (
        (status in ('failed', 'cancelled') and credit_cost > 0) = (refund_id is not null)
    ),
    constraint operation_id_is_unique unique (operation_id),
    constraint charge_pays_one_task unique (charge_id),
    constraint refund_settles_one_task unique (refund_id),
    constraint charge_is_a_key unique (id, charge_id),
    constraint refund_is_a_key unique (id, refund_id),
    constraint idempotency_key_is_used_once unique (account_id, idempotency_key)
);

-- Pages of one user's history, newest first; stands in for separate indexes on user_id and created_at.
create index video_generation_history_by_user
on public.video_generation_history (user_id, created_at desc, id desc) where deleted_at is null;
create index video_generation_history_by_user_and_status
on public.video_generation_history (user_id, status, created_at desc, id desc) where deleted_at is null;
-- Admin lists and statistics of a period.
create index video_generation_history_by_status on public.video_generation_history (status, created_at desc, id desc);
create index video_generation_history_by_creation on public.video_generation_history (created_at desc, id desc);
create index video_generation_history_by_retry
on public.video_generation_history (retry_of) where retry_of is not null;

comment on table public.video_generation_history is 'One row for each task: request, outcome and settlement.';
comment on column public.video_generation_history.request is
'The parameters as the caller sent them; compared on a replay.';
comment on column public.video_generation_history.google_video_url is
'Where the provider keeps the clip. Not for clients.';
comment on column public.video_generation_history.permanent_video_url is
'bucket/path in Storage; sign it to play it.';
comment on column public.video_generation_history.retry_count is 'Failed transfers.';
comment on column public.video_generation_history.ended_at is 'When the task reached a terminal status.';
comment on column public.video_generation_history.video_duration is 'Measured length of the clip in seconds.';
comment on column public.video_generation_history.resolving_lease is
'The lease whose verdict ended the task: lets a repeated verdict be recognised.';

alter table public.video_generation_history enable row level security;
revoke all on table public.video_generation_history from public, anon, authenticated, service_role;
grant select (
    id, user_id, status, prompt, negative_prompt, aspect_ratio, resolution, duration, model, reference_image_bucket,
    reference_image_path, credit_cost, retry_of, permanent_video_url, thumbnail_url, file_size_bytes, width, height,
    video_duration, error_code, error_message, retry_count, created_at, completed_at, downloaded_at, deleted_at
) on table public.video_generation_history to authenticated;
grant select on table public.video_generation_history to service_role;

create policy tasks_are_read_by_their_owner on public.video_generation_history
for select to authenticated
using (user_id = (select auth.uid()) and deleted_at is null);

-- A task is born pending, or downloading when it retries the transfer of a clip that exists.
create function private.check_status_move() returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'pending' and not (new.status = 'downloading' and new.retry_of is not null) then
            raise exception using
                errcode = 'check_violation',
                constraint = 'status_moves_are_allowed',
                message = format('a task cannot be born %s', new.status);
        end if;
        return new;
    end if;

    if (old.status, new.status) not in (
        ('pending', 'processing'), ('pending', 'failed'), ('pending', 'cancelled'),
        ('processing', 'downloading'), ('processing', 'failed'),
        ('downloading', 'completed'), ('downloading', 'failed')
    ) then
        raise exception using
            errcode = 'check_violation',
            constraint = 'status_moves_are_allowed',
            message = format('a task cannot go from %s to %s', old.status, new.status);
    end if;
    return new;
end
$$;

comment on function private.check_status_move() is 'Trigger: refuses every move outside the state machine.';
revoke all on function private.check_status_move() from public, anon, authenticated, service_role;

create trigger status_is_born_right
before insert on public.video_generation_history
for each row execute function private.check_status_move();

create trigger status_moves_are_allowed
before update of status on public.video_generation_history
for each row when (old.status is distinct from new.status)
execute function private.check_status_move();

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

-- Files to delete, drained by the worker: rows of storage.objects cannot be deleted by SQL (the bytes would stay).
--
-- kind  delete         path in a Storage bucket; one that is missing counts as deleted
--       delete_google  output prefix of a provider call: what that call left at its provider, whichever that is
create table private.file_jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    bucket text,
    path text not null,
    due_at timestamptz not null default private.now(),
    attempts integer not null default 0,
    lease_token uuid,
    leased_by text,
    last_error text,
    constraint file_job_kind_is_known check (kind in ('delete', 'delete_google')),
    constraint file_job_has_a_bucket check ((kind = 'delete') = (bucket is not null)),
    constraint file_job_lease_has_a_holder check ((lease_token is null) = (leased_by is null)),
    constraint file_job_attempts_are_never_negative check (attempts >= 0)
);

create index file_jobs_due on private.file_jobs (due_at);

comment on table private.file_jobs is 'Files the worker has to delete. Gone when done.';
alter table private.file_jobs enable row level security;
revoke all on table private.file_jobs from public, anon, authenticated, service_role;

-- Why a task fails, and what its owner is told: what happened, what to do next, and that the credits are back.
--
-- is_charged says whether the provider may have been paid: the day's spend is given back where surely not.
create table private.failure_codes (
    code text primary key,
    message text not null,
    is_charged boolean not null,
    is_from_worker boolean not null,
    constraint failure_code_is_snake_case check (code ~ '^[a-z][a-z_]+$')
);

comment on table private.failure_codes is 'Why a task fails and what its owner is told.';
comment on column private.failure_codes.is_from_worker is 'Whether a worker may give this verdict.';
alter table private.failure_codes enable row level security;
revoke all on table private.failure_codes from public, anon, authenticated, service_role;

insert into private.failure_codes (code, is_charged, is_from_worker, message) values
(
    'safety_filter', false, true,
    'The safety filter stopped this video. Change the wording or the image and try again. Your credits are back.'
),
(
    'prompt_rejected', false, true,
    'This prompt breaks the content rules. Please write another one. Your credits are back.'
),
(
    'moderation_unavailable', false, true,
    'The prompt could not be checked just now. Please try again in a few minutes. Your credits are back.'
),
(
    'invalid_request', false, true,
    'The video model could not use this request. Change the prompt or the image and try again. Your credits are back.'
),
(
    'provider_quota', false, true,
    'The video service is very busy. Please try again later. Your credits are back.'
),
(
    'provider_error', false, true,
    'The video service failed to make this video. Please try again. Your credits are back.'
),
(
    'model_retired', false, true,
    'This video model is no longer offered. Please choose another one. Your credits are back.'
),
(
    'timeout', true, false,
    'The video took too long and was stopped. Please try again. Your credits are back.'
),
(
    'download_failed', true, true,
    'The finished video could not be saved. Please try again or contact support. Your credits are back.'
),
(
    'video_expired', true, true,
    'The finished video expired before it could be saved. Please try again. Your credits are back.'
),
(
    'submission_unknown', true, false,
    'We could not confirm that the video service took this request. Please try again. Your credits are back.'
),
(
    'spend_cap', false, false,
    'Today''s capacity for new videos is used up. Please try again tomorrow. Your credits are back.'
),
(
    'admin_refunded', true, false,
    'Support ended this video. Your credits are back.'
),
(
    'rolled_back', true, false,
    'Video generation was stopped for maintenance. Please try again later. Your credits are back.'
),
(
    'user_deleted', true, false,
    'The account was deleted while the video was being made. The credits went back to the account.'
);

-- No task ends without its credits settled: declared, not coded.
--
-- A task's charge and refund are ledger entries of the right type and amount that name the task, and each such
-- entry is named by its task. Checked at commit, so one transaction may write them in any order. Keys hold under
-- concurrent commits, where a trigger that looks at the other table would not (two sessions, each blind to the
-- other, could both pass).
alter table public.video_generation_history
add constraint charge_is_in_the_ledger foreign key (charge_id, id, charge_type, charge_amount)
references public.credit_transactions (id, task_id, type, amount) deferrable initially deferred;

alter table public.video_generation_history
add constraint refund_is_in_the_ledger foreign key (refund_id, id, refund_type, credit_cost)
references public.credit_transactions (id, task_id, type, amount) deferrable initially deferred;

alter table public.credit_transactions
add constraint charge_is_named_by_its_task foreign key (task_id, charge_of_task)
references public.video_generation_history (id, charge_id) deferrable initially deferred;

alter table public.credit_transactions
add constraint refund_is_named_by_its_task foreign key (task_id, refund_of_task)
references public.video_generation_history (id, refund_id) deferrable initially deferred;

alter table public.credit_transactions
add constraint entry_task_exists foreign key (task_id)
references public.video_generation_history (id) deferrable initially deferred;

-- What a client selects from: `from('videos').select('*')`.
create view public.videos
with (security_invoker = true)
as
select
    h.id,
    h.user_id,
    h.status,
    h.prompt,
    h.negative_prompt,
    h.aspect_ratio,
    h.resolution,
    h.duration,
    h.model,
    h.reference_image_bucket,
    h.reference_image_path,
    h.credit_cost,
    h.retry_of,
    h.permanent_video_url,
    h.thumbnail_url,
    h.file_size_bytes,
    h.width,
    h.height,
    h.video_duration,
    h.error_code,
    h.error_message,
    h.retry_count,
    h.created_at,
    h.completed_at,
    h.downloaded_at
from public.video_generation_history as h
where h.deleted_at is null;

comment on view public.videos is 'A user''s own tasks, with every column a client may read.';
revoke all on table public.videos from public, anon, authenticated, service_role;
grant select on table public.videos to authenticated, service_role;
