-- The caller likes a published item, or does so no more. Repeating it is fine, and the count is exact.
--
-- Locks the caller's account against his deletion, then the item. Raises item_not_found.
create function private.set_showcase_like(p_item_id uuid, p_liked boolean) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_liked boolean := coalesce(p_liked, true);
    v_count integer;
    v_changed integer;
begin
    perform private.lock_account(v_user_id);

    select s.like_count into v_count
    from public.showcase_items as s
    where s.id = p_item_id and s.item_status = 'published'
    for no key update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if v_liked then
        insert into public.showcase_likes (item_id, user_id) values (p_item_id, v_user_id) on conflict do nothing;
    else
        delete from public.showcase_likes as l where l.item_id = p_item_id and l.user_id = v_user_id;
    end if;
    get diagnostics v_changed = row_count;

    if v_changed > 0 then
        v_count := v_count + case when v_liked then 1 else -1 end;
        update public.showcase_items as s set like_count = v_count where s.id = p_item_id;
    end if;
    return jsonb_build_object('liked', v_liked, 'like_count', v_count);
end
$$;

comment on function private.set_showcase_like(uuid, boolean) is
'Sets the caller''s like. See public.set_showcase_like.';
revoke all on function private.set_showcase_like(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function private.set_showcase_like(uuid, boolean) to authenticated;

create function public.set_showcase_like(item_id uuid, liked boolean default true) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.set_showcase_like(item_id, liked);
end;

comment on function public.set_showcase_like(uuid, boolean) is
'The caller likes a published item, or no more: {liked, like_count}. Repeating it is fine.';
revoke all on function public.set_showcase_like(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function public.set_showcase_like(uuid, boolean) to authenticated;
