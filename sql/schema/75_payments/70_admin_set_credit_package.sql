-- Puts a package on sale, changes it, or takes it off (is_enabled). What is not given keeps its value. Who began to buy
-- pays and gets what he was shown.
--
-- Raises not_admin, invalid_parameter {parameter}: what the row's constraints refuse, by the name of the constraint.
create function private.admin_set_credit_package(
    p_id text,
    p_reason text,
    p_name text,
    p_credits integer,
    p_amount integer,
    p_currency text,
    p_provider text,
    p_mode text,
    p_product_id text,
    p_place integer,
    p_is_enabled boolean
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_old public.credit_packages;
    v_new public.credit_packages;
    v_rule text;
begin
    select * into v_old from public.credit_packages as k where k.id = p_id for update;

    begin
        insert into public.credit_packages as k (
            id, name, credits, amount, currency, provider, mode, product_id, place, is_enabled
        ) values (
            p_id,
            coalesce(p_name, v_old.name),
            coalesce(p_credits, v_old.credits),
            coalesce(p_amount, v_old.amount),
            coalesce(p_currency, v_old.currency),
            coalesce(p_provider, v_old.provider),
            coalesce(p_mode, v_old.mode, 'prod'),
            coalesce(p_product_id, v_old.product_id),
            coalesce(p_place, v_old.place, 0),
            coalesce(p_is_enabled, v_old.is_enabled, true)
        )
        on conflict (id) do update
            set
                name = excluded.name,
                credits = excluded.credits,
                amount = excluded.amount,
                currency = excluded.currency,
                provider = excluded.provider,
                mode = excluded.mode,
                product_id = excluded.product_id,
                place = excluded.place,
                is_enabled = excluded.is_enabled
        returning k.* into v_new;
    exception
        when not_null_violation then
            get stacked diagnostics v_rule = column_name;
            perform private.refuse_parameter(v_rule, '"a value"', format('A new package needs %s.', v_rule));
        when check_violation or unique_violation then
            get stacked diagnostics v_rule = constraint_name;
            perform private.refuse_parameter('package', to_jsonb(v_rule), format('This breaks the rule %s.', v_rule));
    end;

    insert into private.admin_actions (actor, action, details, reason)
    values (
        v_actor, 'set_credit_package',
        jsonb_build_object('package', p_id, 'before', to_jsonb(v_old), 'after', to_jsonb(v_new)), v_reason
    );
    return to_jsonb(v_new);
end
$$;

comment on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) is 'Puts a package on sale or changes it.';
revoke all on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) from public, anon, authenticated, service_role;
grant execute on function private.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) to authenticated, service_role;

create function public.admin_set_credit_package(
    id text,
    reason text,
    name text default null,
    credits integer default null,
    amount integer default null,
    currency text default null,
    provider text default null,
    mode text default null,
    product_id text default null,
    place integer default null,
    is_enabled boolean default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_set_credit_package(
        id, reason, name, credits, amount, currency, provider, mode, product_id, place, is_enabled
    );
end;

comment on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) is 'Puts a package of credits on sale, or changes what is given of it: the whole row. Administrators only.';
revoke all on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.admin_set_credit_package(
    text, text, text, integer, integer, text, text, text, text, integer, boolean
) to authenticated, service_role;
