-- A user's own purchases, newest first; those that he began and never paid are left out.
-- Raises not_authenticated, invalid_parameter.
create function private.list_payments(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_page public.payments[];
begin
    select array_agg(r.p order by (r.p).created_at desc, (r.p).id desc) into v_page
    from (
        select p
        from public.payments as p
        where p.account_id = (select a.id from public.credit_accounts as a where a.user_id = v_user_id)
            and p.status <> 'open'
            and (p.created_at, p.id) < (v_from.created_at, v_from.id)
        order by p.created_at desc, p.id desc
        limit v_page_size + 1
    ) as r;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', p.id,
                        'package_id', p.package_id,
                        'status', p.status,
                        'credits', p.credits,
                        'refunded_credits', p.refunded_credits,
                        'amount', p.amount,
                        'currency', p.currency,
                        'paid_at', p.paid_at,
                        'created_at', p.created_at
                    )
                    order by p.created_at desc, p.id desc
                )
                from unnest(v_page[1:v_page_size]) as p
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_payments(text, integer) is 'A page of the caller''s purchases.';
revoke all on function private.list_payments(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_payments(text, integer) to authenticated;

create function public.list_payments(cursor text default null, page_size integer default 20) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_payments(cursor, page_size);
end;

comment on function public.list_payments(text, integer) is
'Page of {id, package_id, status, credits, refunded_credits, amount, currency, paid_at, created_at}, newest first.';
revoke all on function public.list_payments(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_payments(text, integer) to authenticated;
