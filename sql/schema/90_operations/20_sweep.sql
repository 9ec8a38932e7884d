-- Settles what nobody holds: tasks past their deadline whose lease, if any, has run out. Returns how many there were.
--
-- The worker settles what it holds; this is for what is left when workers are silent or gone, so that nobody waits
-- for ever. Called every minute, one task for each transaction (limit 1 in a loop that commits). A higher limit
-- locks its accounts in one statement, in id order. A task that cannot be settled becomes an alert and is set aside for
-- a while: one poisoned task does not keep the others from their credits.
create function private.sweep(p_limit integer default 100) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_job private.video_jobs;
    v_handled integer := 0;
begin
    select * into v_settings from private.settings;
    select array_agg(e.task_id order by e.account_id, e.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        where j.deadline_at < v_now and j.due_at <= v_now
        order by j.deadline_at
        limit p_limit
    ) as e;

    perform private.lock_accounts_of(v_task_ids);
    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        select * into v_job from private.video_jobs as j where j.task_id = v_task_id for update;

        -- Looked at again under the locks: somebody may have claimed or ended it meanwhile.
        continue when v_job.task_id is null or v_job.deadline_at >= v_now or v_job.due_at > v_now;

        v_handled := v_handled + 1;
        continue when private.settle(
            v_task,
            case
                when v_job.stage = 'transfer' then 'video_expired'
                when v_job.stage in ('submitting', 'reconcile') then 'submission_unknown'
                when v_job.stage = 'submit' and v_job.refusals > 0 then 'provider_quota'
                else 'timeout'
            end,
            'system'
        );

        -- It has an alert now. Tried again later, so that it keeps nobody else waiting.
        update private.video_jobs as j
        set due_at = v_now + 10 * v_settings.lease_period
        where j.task_id = v_task_id;
    end loop;

    return v_handled;
end
$$;

comment on function private.sweep(integer) is
'Ends tasks past their deadline that no worker holds, credits back; returns how many there were.';
revoke all on function private.sweep(integer) from public, anon, authenticated, service_role;
