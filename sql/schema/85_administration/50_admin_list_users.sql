-- A user as administrators see him: who he is, what he has, how much he makes and when he was last here.
create function private.describe_user(p_user_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'user_id', u.id,
        'email', u.email,
        'display_name', p.display_name,
        'is_admin', coalesce(u.raw_app_meta_data ->> 'role' = 'admin', false),
        'created_at', u.created_at,
        'balance', coalesce(a.balance, 0),
        'debt', coalesce(a.debt, 0),
        'tasks', (select count(*) from public.video_generation_history as h where h.account_id = a.id),
        'active_tasks', (select count(*) from private.video_jobs as j where j.account_id = a.id),
        'last_task_at', t.created_at,
        'last_sign_in_at', u.last_sign_in_at,
        'last_activity_at', greatest(t.created_at, u.last_sign_in_at)
    )
    from auth.users as u
    left join public.profiles as p on p.id = u.id
    left join public.credit_accounts as a on a.user_id = u.id
    left join lateral (
        select h.created_at
        from public.video_generation_history as h
        where h.account_id = a.id
        order by h.created_at desc, h.id desc
        limit 1
    ) as t on true
    where u.id = p_user_id
$$;

comment on function private.describe_user(uuid) is 'A user as administrators see him.';
revoke all on function private.describe_user(uuid) from public, anon, authenticated, service_role;

-- Users by id, whole e-mail address, or any part of address or display name; not those deleted softly.
--
-- The first two are found by the keys of auth.users. A part of an address reads every address, as that table is not
-- ours to index: 50 ms for 100,000 users. Auth keeps addresses in lower case.
create function private.find_users(p_search text) returns table (id uuid, created_at timestamptz)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_pattern text := '%' || regexp_replace(p_search, '([\\%_])', '\\\1', 'g') || '%';
begin
    if p_search ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
        return query
        select u.id, u.created_at
        from auth.users as u
        where u.id = p_search::uuid and u.deleted_at is null;
        return;
    end if;

    return query
    select u.id, u.created_at
    from auth.users as u
    where u.email = lower(p_search) and not u.is_sso_user and u.deleted_at is null;
    if found then
        return;
    end if;

    return query
    select u.id, u.created_at
    from auth.users as u
    left join public.profiles as p on p.id = u.id
    where (u.email like lower(v_pattern) or p.display_name ilike v_pattern) and u.deleted_at is null;
end
$$;

comment on function private.find_users(text) is 'Users by id, e-mail address, or a part of address or display name.';
revoke all on function private.find_users(text) from public, anon, authenticated, service_role;

-- Users, newest first: {items, next_cursor}. Without a search a page walks an index of accounts; a user whose account
-- could not be made at sign-up is found by searching.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_users(p_search text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_search text := nullif(btrim(p_search), '');
    v_order text := case when v_search is null then 'accounts' else 'users' end;
    v_page_size integer;
    v_from record;
    v_time timestamptz;
    v_id uuid;
    v_page jsonb;
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    if char_length(v_search) > 255 then
        perform private.refuse_parameter('search', '{"max_length": 255}', 'Search for at most 255 characters.');
    end if;
    v_from := private.decode_place(p_cursor, v_order);
    v_time := coalesce(timestamptz 'epoch' + v_from.value * interval '1 microsecond', 'infinity');
    v_id := coalesce(v_from.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');

    if v_search is null then
        select jsonb_agg(jsonb_build_array(p.user_id, extract(epoch from p.created_at) * 1000000, p.id)) into v_page
        from (
            select a.user_id, a.created_at, a.id
            from public.credit_accounts as a
            where a.user_id is not null and (a.created_at, a.id) < (v_time, v_id)
            order by a.created_at desc, a.id desc
            limit v_page_size + 1
        ) as p;
    else
        select jsonb_agg(jsonb_build_array(p.id, extract(epoch from p.created_at) * 1000000, p.id)) into v_page
        from (
            select f.id, f.created_at
            from private.find_users(v_search) as f
            where (f.created_at, f.id) < (v_time, v_id)
            order by f.created_at desc, f.id desc
            limit v_page_size + 1
        ) as p;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.describe_user((u.row ->> 0)::uuid) order by u.place)
                from jsonb_array_elements(v_page) with ordinality as u (row, place)
                where u.place <= v_page_size
            ), '[]'
        ),
        'next_cursor', case
            when jsonb_array_length(v_page) > v_page_size then
                private.encode_place(
                    v_order, (v_page #>> array[(v_page_size - 1)::text, '1'])::numeric::bigint,
                    (v_page #>> array[(v_page_size - 1)::text, '2'])::uuid
                )
        end
    );
end
$$;

comment on function private.admin_list_users(text, text, integer) is 'A page of users, found by id, address or name.';
revoke all on function private.admin_list_users(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_list_users(text, text, integer) to authenticated;

create function public.admin_list_users(
    search text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_users(search, cursor, page_size);
end;

comment on function public.admin_list_users(text, text, integer) is
'Users by id, e-mail address or display name, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_users(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_list_users(text, text, integer) to authenticated;
