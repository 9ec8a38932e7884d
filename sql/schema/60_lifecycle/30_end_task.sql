-- Ends a task without a file: refund, status, reason, and everything that has to be tidied up.
--
-- The only function that fails or cancels a task. The caller holds the locks of private.lock_task and passes its
-- row. The refund entry, the status and the removal of the job are one transaction; the keys of settlement refuse
-- anything less. Returns the row as it is then.
create function private.end_task(
    p_task public.video_generation_history,
    p_status text,
    p_error_code text,
    p_actor text,
    p_lease uuid default null,
    p_detail jsonb default '{}'
) returns public.video_generation_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history;
    v_failure private.failure_codes;
    v_job private.video_jobs;
    v_call private.provider_calls;
    v_settings private.settings;
    v_refund_id uuid;
    v_now timestamptz := private.now();
begin
    if p_error_code is not null then
        select * into strict v_failure from private.failure_codes as f where f.code = p_error_code;
    end if;
    select * into v_settings from private.settings;

    if p_task.credit_cost > 0 then
        v_refund_id := (
            private.post_entry(
                p_task.account_id, 'video_refund', p_task.credit_cost, p_actor, p_task.id,
                p_reason => coalesce(p_error_code, p_status)
            )
        ).id;
    end if;

    update public.video_generation_history as h
    set
        status = p_status,
        error_code = p_error_code,
        error_message = v_failure.message,
        refund_id = v_refund_id,
        resolving_lease = p_lease,
        ended_at = v_now
    where h.id = p_task.id
    returning * into v_task;

    delete from private.video_jobs as j where j.task_id = p_task.id returning * into v_job;

    select * into v_call
    from private.provider_calls as c
    where c.task_id = p_task.id and c.attempt = v_job.submit_attempt;

    if v_call.outcome in ('in_flight', 'accepted', 'unknown') then
        perform private.book_call(
            p_task.id,
            v_call.attempt,
            case
                when p_error_code = 'safety_filter' then 'filtered'
                when v_failure.is_charged is not false then
                    case v_call.outcome when 'accepted' then 'abandoned' else 'unknown' end
                when v_call.outcome = 'in_flight' then 'rejected'
                else 'failed'
            end,
            coalesce(v_failure.is_charged, true),
            p_detail
        );
    end if;

    -- The provider may still be writing: its copy is deleted once it cannot be any more. A clip that could not be
    -- downloaded stays as long as the provider keeps it, for an administrator's retry.
    insert into private.file_jobs (kind, path, due_at)
    select 'delete_google', c.output_prefix,
        greatest(
            v_now + v_settings.generation_deadline,
            case when p_error_code = 'download_failed' then v_job.deadline_at end
        )
    from private.provider_calls as c
    where c.task_id = p_task.id and c.outcome not in ('refused', 'rejected');

    if v_job.stage = 'transfer' then
        -- A worker may be uploading at this moment; what it leaves behind belongs to nobody.
        insert into private.file_jobs (kind, bucket, path, due_at)
        select 'delete', 'videos', p_task.user_id || '/' || p_task.id || f.ending, v_now + 10 * v_settings.lease_period
        from (values ('.mp4'), ('.jpg')) as f (ending);
    end if;

    -- A clip that was made, and paid for, is lost to its user.
    if p_error_code in ('download_failed', 'video_expired') then
        perform private.raise_alert(
            p_error_code, 'critical', p_task.id::text,
            jsonb_build_object('google_video_url', p_task.google_video_url, 'detail', p_detail)
        );
    end if;

    return v_task;
end
$$;

comment on function private.end_task(public.video_generation_history, text, text, text, uuid, jsonb) is
'Fails or cancels a locked task: refund, status and clean-up in one transaction.';
revoke all on function private.end_task(public.video_generation_history, text, text, text, uuid, jsonb)
from public, anon, authenticated, service_role;
