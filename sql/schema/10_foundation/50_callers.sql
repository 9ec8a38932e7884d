-- Who is calling.

-- The signed-in user. Raises not_authenticated for a caller without a `sub` claim.
create function private.current_user_id() returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_user_id uuid := auth.uid();
begin
    if v_user_id is null then
        perform private.raise_error('not_authenticated', 'Sign in to continue.');
    end if;
    return v_user_id;
end
$$;

comment on function private.current_user_id() is 'The caller''s user id; raises not_authenticated without one.';
revoke all on function private.current_user_id() from public, anon, authenticated, service_role;

-- Who acts with an administrator's rights: 'admin:<user id>', 'service_role', or 'operator' for a direct database
-- session that presents no token. Raises not_admin for everybody else. The role is read from auth.users, not from
-- the token: a dismissed administrator loses his rights at once. user_metadata is never asked, users write it.
create function private.require_admin() returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    v_user_id uuid := auth.uid();
begin
    if v_claims is null then
        return 'operator';
    end if;

    if v_claims ->> 'role' = 'service_role' then
        return 'service_role';
    end if;

    if v_user_id is null or not exists (
        select
        from auth.users as u
        where u.id = v_user_id
            and u.raw_app_meta_data ->> 'role' = 'admin'
            and u.deleted_at is null
            and (u.banned_until is null or u.banned_until < private.now())
    ) then
        perform private.raise_error('not_admin', 'Only an administrator may do this.');
    end if;

    return 'admin:' || v_user_id;
end
$$;

comment on function private.require_admin() is
'The acting administrator as text; raises not_admin. Reads auth.users, so a dismissal counts at once.';
revoke all on function private.require_admin() from public, anon, authenticated, service_role;
