-- What administrators did, newest first: {items, next_cursor}; of one user or one task if asked.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_actions(
    p_user_id uuid,
    p_task_id uuid,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_page_size integer;
    v_before bigint;
    v_page private.admin_actions[];
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    v_before := (private.decode_place(p_cursor, 'actions')).value;

    select array_agg(p.a order by (p.a).id desc) into v_page
    from (
        select a
        from private.admin_actions as a
        where (p_user_id is null or a.user_id = p_user_id)
            and (p_task_id is null or a.task_id = p_task_id)
            and a.id < coalesce(v_before, 9223372036854775807)
        order by a.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (select jsonb_agg(to_jsonb(a) order by a.id desc) from unnest(v_page[1:v_page_size]) as a), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_place('actions', (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_actions(uuid, uuid, text, integer) is 'A page of what administrators did.';
revoke all on function private.admin_list_actions(uuid, uuid, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_actions(uuid, uuid, text, integer) to authenticated;

create function public.admin_list_actions(
    user_id uuid default null,
    task_id uuid default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_actions(user_id, task_id, cursor, page_size);
end;

comment on function public.admin_list_actions(uuid, uuid, text, integer) is
'What administrators did, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_actions(uuid, uuid, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_actions(uuid, uuid, text, integer) to authenticated;
