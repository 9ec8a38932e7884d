-- What administrators did: who, what, why.
create table private.admin_actions (
    id bigint generated always as identity primary key,
    actor text not null,
    action text not null,
    user_id uuid,
    task_id uuid,
    details jsonb not null default '{}',
    reason text,
    created_at timestamptz not null default private.now()
);

create index admin_actions_by_user on private.admin_actions (user_id, id desc);
create index admin_actions_by_task on private.admin_actions (task_id, id desc) where task_id is not null;

comment on table private.admin_actions is 'Who did what and why; one row for each action of an administrator.';
alter table private.admin_actions enable row level security;
revoke all on table private.admin_actions from public, anon, authenticated, service_role;

-- Gives credits to a user. With an idempotency key the grant happens once, however often it is repeated.
-- Locks the account. Raises not_admin, invalid_parameter, user_not_found, idempotency_conflict {fields}.
create function private.admin_grant_credits(
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
    v_account public.credit_accounts;
    v_entry public.credit_transactions;
begin
    if p_amount is null or p_amount not between 1 and 100000000 then
        perform private.refuse_parameter(
            'amount', '{"minimum": 1, "maximum": 100000000}', 'The amount must be a positive number of credits.'
        );
    end if;
    if p_reason is null or p_reason !~ '[^[:space:]]' or char_length(p_reason) > 500 then
        perform private.refuse_parameter(
            'reason', '{"min_length": 1, "max_length": 500}', 'Say why, in 1 to 500 characters.'
        );
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 255 then
        perform private.refuse_parameter(
            'idempotency_key', '{"min_length": 1, "max_length": 255}', 'The key must have 1 to 255 characters.'
        );
    end if;
    if p_user_id is null
        or not exists (select from auth.users as u where u.id = p_user_id and u.deleted_at is null)
    then
        perform private.raise_error('user_not_found', 'There is no such user.');
    end if;

    v_account := private.lock_account(p_user_id);

    if p_idempotency_key is not null then
        select * into v_entry
        from public.credit_transactions as t
        where t.account_id = v_account.id
            and t.type = 'admin_grant'
            and t.idempotency_key = p_idempotency_key;

        if found then
            if v_entry.amount <> p_amount then
                perform private.raise_error(
                    'idempotency_conflict', 'This idempotency key was already used with another amount.',
                    '{"fields": ["amount"]}', 'Use a new key for a new grant.'
                );
            end if;
            return jsonb_build_object('balance', v_account.balance);
        end if;
    end if;

    v_entry := private.post_entry(
        v_account.id, 'admin_grant', p_amount, v_actor,
        p_reason => p_reason, p_idempotency_key => p_idempotency_key
    );

    insert into private.admin_actions (actor, action, user_id, details, reason)
    values (
        v_actor, 'grant_credits', p_user_id, jsonb_build_object('amount', p_amount, 'entry', v_entry.id), p_reason
    );

    -- Part of a grant may have repaid a debt.
    return jsonb_build_object(
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_account.id)
    );
end
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
