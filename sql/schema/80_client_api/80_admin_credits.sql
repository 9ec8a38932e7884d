-- Gives credits to a user, or takes some away. With an idempotency key it happens once, however often it is repeated;
-- a key counts for one user and one of the two verbs.
--
-- Locks the account. Raises not_admin, invalid_parameter, user_not_found, idempotency_conflict {fields}; and for
-- credits that the user does not have insufficient_credits {required, available}.
create function private.admin_change_credits(
    p_action text,
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_type text := case p_action when 'grant_credits' then 'admin_grant' else 'admin_deduct' end;
    v_account public.credit_accounts;
    v_entry public.credit_transactions;
begin
    if p_amount is null or p_amount not between 1 and 100000000 then
        perform private.refuse_parameter(
            'amount', '{"minimum": 1, "maximum": 100000000}', 'The amount must be a positive number of credits.'
        );
    end if;
    perform private.checked_reason(p_reason);
    perform private.check_idempotency_key(p_idempotency_key);
    perform private.check_user(p_user_id);

    v_account := private.lock_account(p_user_id);

    select * into v_entry
    from public.credit_transactions as t
    where t.account_id = v_account.id and t.type = v_type and t.idempotency_key = p_idempotency_key;
    if found then
        perform private.refuse_other_request(
            jsonb_build_object('amount', abs(v_entry.amount), 'reason', v_entry.reason),
            jsonb_build_object('amount', p_amount, 'reason', p_reason)
        );
        return jsonb_build_object('balance', v_account.balance);
    end if;

    if p_action = 'deduct_credits' and p_amount > v_account.balance then
        perform private.raise_error(
            'insufficient_credits',
            format('This user has %s credits; %s cannot be taken.', v_account.balance, p_amount),
            jsonb_build_object('required', p_amount, 'available', v_account.balance)
        );
    end if;

    v_entry := private.post_entry(
        v_account.id, v_type, case p_action when 'grant_credits' then p_amount else -p_amount end, v_actor,
        p_reason => p_reason, p_idempotency_key => p_idempotency_key
    );

    insert into private.admin_actions (actor, action, user_id, details, reason)
    values (v_actor, p_action, p_user_id, jsonb_build_object('amount', p_amount, 'entry', v_entry.id), p_reason);

    -- Part of a grant may have repaid a debt.
    return jsonb_build_object(
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_account.id)
    );
end
$$;

comment on function private.admin_change_credits(text, uuid, integer, text, text) is
'Gives (grant_credits) or takes (deduct_credits) credits of a user, once for each key.';
revoke all on function private.admin_change_credits(text, uuid, integer, text, text)
from public, anon, authenticated, service_role;

create function private.admin_grant_credits(
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select private.admin_change_credits('grant_credits', p_user_id, p_amount, p_reason, p_idempotency_key)
$$;

comment on function private.admin_grant_credits(uuid, integer, text, text) is
'Gives credits to a user, once for each key.';
revoke all on function private.admin_grant_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_grant_credits(uuid, integer, text, text) to authenticated, service_role;

create function public.admin_grant_credits(
    user_id uuid,
    amount integer,
    reason text,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_grant_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.admin_grant_credits(uuid, integer, text, text) is
'Gives credits to a user: {balance}. Administrators and service_role only.';
revoke all on function public.admin_grant_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_grant_credits(uuid, integer, text, text) to authenticated, service_role;

create function private.admin_deduct_credits(
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select private.admin_change_credits('deduct_credits', p_user_id, p_amount, p_reason, p_idempotency_key)
$$;

comment on function private.admin_deduct_credits(uuid, integer, text, text) is
'Takes credits from a user, once for each key.';
revoke all on function private.admin_deduct_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_deduct_credits(uuid, integer, text, text) to authenticated;

create function public.admin_deduct_credits(
    user_id uuid,
    amount integer,
    reason text,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_deduct_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.admin_deduct_credits(uuid, integer, text, text) is
'Takes credits from a user, at most what he has: {balance}. Administrators only.';
revoke all on function public.admin_deduct_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_deduct_credits(uuid, integer, text, text) to authenticated;
