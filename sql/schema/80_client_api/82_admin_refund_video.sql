-- Gives the credits of a video back, by hand, once.
--
--   live                  ends now with admin_refunded: all of the price comes back
--   completed             stays completed and gets one goodwill_refund: the price, or the part of it that `amount` says
--   failed or cancelled   already_applied: its credits are back; and so for a video that cost nothing
--
-- {result, task_id, status, refunded_credits, balance}. A second refund is already_applied, with or without a key.
-- Locks account, task and job. Raises not_admin, invalid_parameter, task_not_found, user_not_found,
-- idempotency_conflict {fields}.
create function private.admin_refund_video(
    p_task_id uuid,
    p_reason text,
    p_amount integer,
    p_idempotency_key text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_request jsonb := jsonb_build_object('task_id', p_task_id, 'reason', p_reason, 'amount', p_amount);
    v_task public.video_generation_history;
    v_first jsonb;
    v_is_done boolean;
begin
    perform private.checked_reason(p_reason);
    perform private.check_idempotency_key(p_idempotency_key);

    v_task := private.lock_task(p_task_id);
    if v_task.id is null then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    select a.details -> 'request' into v_first
    from private.admin_actions as a
    where a.user_id = v_task.user_id
        and a.action = 'refund_video'
        and a.details ->> 'idempotency_key' = p_idempotency_key;
    if found then
        perform private.refuse_other_request(v_first, v_request);
    end if;

    -- What is not finished gives back all of its price: only a finished video may be paid for in part.
    if p_amount not between 1 and v_task.credit_cost
        or (v_task.status <> 'completed' and p_amount <> v_task.credit_cost)
    then
        perform private.refuse_parameter(
            'amount',
            jsonb_build_object(
                'minimum', case v_task.status when 'completed' then 1 else v_task.credit_cost end,
                'maximum', v_task.credit_cost
            ),
            format('This video cost %s credits. Leave the amount out to give all of them back.', v_task.credit_cost)
        );
    end if;

    v_is_done := v_task.status in ('failed', 'cancelled')
        or (v_task.status = 'completed' and v_task.credit_cost = 0)
        or exists (
            select
            from public.credit_transactions as t
            where t.task_id = v_task.id and t.type = 'goodwill_refund'
        );

    if not v_is_done then
        if v_task.status <> 'completed' then
            v_task := private.end_task(v_task, 'failed', 'admin_refunded', v_actor);
        elsif v_task.user_id is null then
            perform private.raise_error('user_not_found', 'The user of this video no longer exists.');
        else
            perform private.post_entry(
                v_task.account_id, 'goodwill_refund', coalesce(p_amount, v_task.credit_cost), v_actor, v_task.id,
                p_reason => p_reason, p_idempotency_key => p_idempotency_key
            );
        end if;

        insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
        values (
            v_actor, 'refund_video', v_task.user_id, v_task.id,
            jsonb_build_object(
                'request', v_request, 'status', v_task.status, 'idempotency_key', p_idempotency_key
            ),
            p_reason
        );
    end if;

    return jsonb_build_object(
        'result', case when v_is_done then 'already_applied' else 'applied' end,
        'task_id', v_task.id,
        'status', v_task.status,
        'refunded_credits', private.video_status(v_task) -> 'refunded_credits',
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_task.account_id)
    );
end
$$;

comment on function private.admin_refund_video(uuid, text, integer, text) is
'Gives the credits of a video back, once. See public.admin_refund_video.';
revoke all on function private.admin_refund_video(uuid, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_refund_video(uuid, text, integer, text) to authenticated;

create function public.admin_refund_video(
    task_id uuid,
    reason text,
    amount integer default null,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_refund_video(task_id, reason, amount, idempotency_key);
end;

comment on function public.admin_refund_video(uuid, text, integer, text) is
'Ends a live video or consoles for a finished one: {result, task_id, status, refunded_credits, balance}.';
revoke all on function public.admin_refund_video(uuid, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_refund_video(uuid, text, integer, text) to authenticated;
