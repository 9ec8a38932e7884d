-- Settles what nobody holds: tasks past their deadline whose lease, if any, has run out. Returns how many it ended.
--
-- The worker settles what it holds; this is for what is left when workers are silent or gone, so that nobody waits
-- for ever. Called every minute, one task for each transaction (limit 1 in a loop that commits). A higher limit
-- locks its accounts in one statement, in id order.
create function private.sweep(p_limit integer default 100) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_job private.video_jobs;
    v_ended integer := 0;
begin
    select array_agg(e.task_id order by e.account_id, e.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        where j.deadline_at < v_now and j.due_at <= v_now
        order by j.deadline_at
        limit p_limit
    ) as e;

    perform
    from public.credit_accounts as a
    where a.id in (
        select j.account_id
        from private.video_jobs as j
        where j.task_id = any (v_task_ids)
    )
    order by a.id
    for update;

    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        select * into v_job from private.video_jobs as j where j.task_id = v_task_id for update;

        -- Looked at again under the locks: somebody may have claimed or ended it meanwhile.
        continue when v_job.task_id is null or v_job.deadline_at >= v_now or v_job.due_at > v_now;

        if v_job.stage = 'transfer' then
            perform private.fail_transfer(v_task, 'video_expired', null, '{}');
        else
            perform private.end_task(
                v_task, 'failed',
                case
                    when v_job.stage in ('submitting', 'reconcile') then 'submission_unknown'
                    when v_job.stage = 'submit' and v_job.refusals > 0 then 'provider_quota'
                    else 'timeout'
                end,
                'system'
            );
        end if;
        v_ended := v_ended + 1;
    end loop;

    return v_ended;
end
$$;

comment on function private.sweep(integer) is
'Ends tasks past their deadline that no worker holds; returns how many. Credits go back.';
revoke all on function private.sweep(integer) from public, anon, authenticated, service_role;
