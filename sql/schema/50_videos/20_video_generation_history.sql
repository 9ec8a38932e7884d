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
-- All of one account's tasks, deleted ones too: administrators' lists and counts.
create index video_generation_history_by_account
on public.video_generation_history (account_id, created_at desc, id desc);
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
