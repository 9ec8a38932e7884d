-- Stops everything: switches generation off and ends the live tasks of all users (rolled_back, credits back), a batch
-- in each call. Call it until it answers {done: 0, remaining: 0}; an order that was on its way at the first call is
-- found by a later one. What has not been sent to the provider goes first, so that it is not paid for meanwhile.
--
-- A create call in flight is not waited for: its answer comes after the settlement, and is booked, raised as an alert
-- (late_result) and its clip deleted. {done: 0, remaining: n} means that n tasks could not be settled: each has an
-- alert (settlement_failed) that says why.
--
-- Locks the switch, then the accounts of the batch in id order. Raises not_admin, invalid_parameter.
create function private.admin_rollback(p_reason text, p_batch_size integer) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_done integer := 0;
    v_answer jsonb;
begin
    perform private.checked_reason(p_reason);
    if p_batch_size not between 1 and 1000 then
        perform private.refuse_parameter(
            'batch_size', '{"minimum": 1, "maximum": 1000}', 'batch_size must be between 1 and 1000.'
        );
    end if;

    perform private.set_config_value('video_generation_enabled', 'false', v_actor, p_reason);

    select array_agg(b.task_id order by b.account_id, b.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        order by
            -- Those that could not be settled last: they must not keep the others from their turn.
            exists (
                select
                from private.alerts as a
                where a.kind = 'settlement_failed'
                    and a.subject = j.task_id::text
                    and a.acknowledged_at is null
            ),
            j.stage <> 'submit',
            j.account_id
        limit coalesce(p_batch_size, 100)
    ) as b;

    perform private.lock_accounts_of(v_task_ids);
    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        continue when v_task.ended_at is not null; -- Ended by somebody else before we had its account.
        v_done := v_done + private.settle(v_task, 'rolled_back', v_actor)::integer;
    end loop;

    v_answer := jsonb_build_object('done', v_done, 'remaining', (select count(*) from private.video_jobs));
    insert into private.admin_actions (actor, action, details, reason)
    values (v_actor, 'rollback', v_answer, p_reason);
    return v_answer;
end
$$;

comment on function private.admin_rollback(text, integer) is
'Switches generation off and ends live tasks, a batch in each call. See public.admin_rollback.';
revoke all on function private.admin_rollback(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_rollback(text, integer) to authenticated;

create function public.admin_rollback(reason text, batch_size integer default 100) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_rollback(reason, batch_size);
end;

comment on function public.admin_rollback(text, integer) is
'Switches generation off and refunds a batch of what is unfinished: {done, remaining}. Repeat until both are 0.';
revoke all on function public.admin_rollback(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_rollback(text, integer) to authenticated;
