-- What the caller has, and what became of it.
create function private.get_credits() returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_account public.credit_accounts;
begin
    -- A user whose account could not be made at sign-up has nothing yet.
    select * into v_account from public.credit_accounts as a where a.user_id = v_user_id;

    return jsonb_build_object(
        'balance', coalesce(v_account.balance, 0),
        'active_tasks', (
            select count(*)
            from private.video_jobs as j
            where j.account_id = v_account.id and j.counts_for_limit
        ),
        'concurrent_limit', (select s.concurrent_limit from private.settings as s)
    );
end
$$;

comment on function private.get_credits() is 'Balance and running tasks of the caller.';
revoke all on function private.get_credits() from public, anon, authenticated, service_role;
grant execute on function private.get_credits() to authenticated;

create function public.get_credits() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_credits();
end;

comment on function public.get_credits() is 'The caller''s {balance, active_tasks, concurrent_limit}.';
revoke all on function public.get_credits() from public, anon, authenticated, service_role;
grant execute on function public.get_credits() to authenticated;

-- The caller's ledger, newest entry first. A cursor names an entry of his own; the order is that of entry_no.
create function private.list_credit_transactions(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_account_id uuid;
    v_before integer;
    v_page public.credit_transactions[];
begin
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = v_user_id;

    if p_cursor is not null then
        select t.entry_no into v_before
        from public.credit_transactions as t
        where t.id = v_from.id and t.account_id = v_account_id;
        if not found then
            perform private.refuse_parameter(
                'cursor', '"next_cursor of an earlier page"', 'This cursor is not valid.'
            );
        end if;
    end if;

    select array_agg(p.t order by (p.t).entry_no desc) into v_page
    from (
        select t
        from public.credit_transactions as t
        where t.account_id = v_account_id and t.entry_no < coalesce(v_before, 2147483647)
        order by t.entry_no desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', t.id,
                        'type', t.type,
                        'amount', t.amount,
                        'balance_before', t.balance_before,
                        'balance_after', t.balance_after,
                        'task_id', t.task_id,
                        'reason', t.reason,
                        'created_at', t.created_at
                    )
                    order by t.entry_no desc
                )
                from unnest(v_page[1:v_page_size]) as t
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_credit_transactions(text, integer) is 'A page of the caller''s ledger.';
revoke all on function private.list_credit_transactions(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_credit_transactions(text, integer) to authenticated;

create function public.list_credit_transactions(
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_credit_transactions(cursor, page_size);
end;

comment on function public.list_credit_transactions(text, integer) is
'The caller''s ledger, newest first: {items, next_cursor}.';
revoke all on function public.list_credit_transactions(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_credit_transactions(text, integer) to authenticated;
