-- Moving a finished clip into Storage.

-- Counts an attempt at the transfer before it begins, so that a clip that kills its workers does not do so for ever.
-- Repeating the verb under the same lease answers already_applied with the same attempt.
create function worker_api.begin_transfer(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(begin_transfer.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
begin
    select * into v_job from private.video_jobs as j where j.task_id = begin_transfer.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, begin_transfer.lease_token, '{transfer}');
    if v_refused is not null then
        return v_refused;
    end if;
    if v_job.attempt_lease = begin_transfer.lease_token then
        return jsonb_build_object('result', 'already_applied', 'download_attempt', v_job.download_attempt);
    end if;

    select * into v_settings from private.settings;
    if v_job.download_attempt >= v_settings.download_attempts then
        perform private.end_task(v_task, 'failed', 'download_failed', 'worker', begin_transfer.lease_token);
        return jsonb_build_object('result', 'illegal_state', 'status', 'failed', 'stage', null);
    end if;

    update private.video_jobs as j
    set
        download_attempt = j.download_attempt + 1,
        attempt_lease = j.lease_token,
        due_at = private.now() + v_settings.lease_period
    where j.task_id = v_job.task_id
    returning * into v_job;
    return jsonb_build_object('result', 'applied', 'download_attempt', v_job.download_attempt);
end
$$;

comment on function worker_api.begin_transfer(uuid, uuid) is
'Counts an attempt at a transfer before it begins. {result, download_attempt}.';
revoke all on function worker_api.begin_transfer(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.begin_transfer(uuid, uuid) to video_worker;

-- The file is in Storage: the task is complete. video: {size_bytes, sha256, width, height, duration_seconds,
-- thumbnail_path}. The provider's copy is queued for deletion. Raises check_violation for a file that cannot be.
create function worker_api.complete_video(task_id uuid, lease_token uuid, video jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(complete_video.task_id);
    v_job private.video_jobs;
    v_refused jsonb;
    v_now timestamptz := private.now();
begin
    select * into v_job from private.video_jobs as j where j.task_id = complete_video.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, complete_video.lease_token, '{transfer}');
    if v_refused is not null then
        return v_refused;
    end if;

    update public.video_generation_history as h
    set
        status = 'completed',
        permanent_video_url = 'videos/' || h.user_id || '/' || h.id || '.mp4',
        thumbnail_url = 'videos/' || (complete_video.video ->> 'thumbnail_path'),
        file_size_bytes = (complete_video.video ->> 'size_bytes')::bigint,
        sha256 = complete_video.video ->> 'sha256',
        width = (complete_video.video ->> 'width')::integer,
        height = (complete_video.video ->> 'height')::integer,
        video_duration = (complete_video.video ->> 'duration_seconds')::numeric,
        resolving_lease = complete_video.lease_token,
        completed_at = v_now,
        downloaded_at = v_now,
        ended_at = v_now
    where h.id = v_task.id;

    delete from private.video_jobs as j where j.task_id = v_task.id;

    insert into private.file_jobs (kind, path)
    select 'delete_google', c.output_prefix
    from private.provider_calls as c
    where c.task_id = coalesce(v_task.retry_of, v_task.id) and c.outcome not in ('refused', 'rejected');

    return jsonb_build_object('result', 'applied', 'status', 'completed');
end
$$;

comment on function worker_api.complete_video(uuid, uuid, jsonb) is 'The file is stored: completes the task.';
revoke all on function worker_api.complete_video(uuid, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_video(uuid, uuid, jsonb) to video_worker;

-- The worker's verdict that a task cannot succeed: refund. For download_failed the database decides: another attempt
-- in video_download_retry_seconds while there are any left. A retired model is paused, for all, with an alert.
create function worker_api.fail_video(task_id uuid, lease_token uuid, error_code text, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(fail_video.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
    v_retry_at timestamptz;
begin
    select * into v_job from private.video_jobs as j where j.task_id = fail_video.task_id for update;
    v_refused := private.refuse_verdict(
        v_task, v_job, fail_video.lease_token,
        case
            when fail_video.error_code in ('download_failed', 'video_expired') then '{transfer}'::text[]
            when exists (
                select
                from private.failure_codes as f
                where f.code = fail_video.error_code and f.is_from_worker
            ) then '{submit,submitting,reconcile,poll}'
            else '{}'
        end
    );
    if v_refused is not null then
        return v_refused;
    end if;

    if v_job.stage = 'transfer' then
        update public.video_generation_history as h
        set retry_count = h.retry_count + 1
        where h.id = v_task.id;

        select * into v_settings from private.settings;
        if fail_video.error_code = 'download_failed' and v_job.download_attempt < v_settings.download_attempts then
            v_retry_at := private.now() + v_settings.download_retry;
            perform private.next_stage(v_job, 'transfer', v_retry_at, v_job.deadline_at, fail_video.lease_token);
            return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_retry_at);
        end if;
    end if;

    perform private.end_task(
        v_task, 'failed', fail_video.error_code, 'worker', fail_video.lease_token, fail_video.detail
    );

    if fail_video.error_code = 'model_retired' then
        update public.video_models as m
        set paused_at = private.now(), pause_reason = 'The provider no longer offers this model.'
        where m.id = v_task.model and m.paused_at is null;
        perform private.raise_alert('model_retired', 'critical', v_task.model, coalesce(fail_video.detail, '{}'));
    end if;

    return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
end
$$;

comment on function worker_api.fail_video(uuid, uuid, text, jsonb) is
'The worker''s verdict that a task failed: refund; or another attempt at a failed download.';
revoke all on function worker_api.fail_video(uuid, uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.fail_video(uuid, uuid, text, jsonb) to video_worker;
