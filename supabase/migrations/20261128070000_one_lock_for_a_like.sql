-- A like locked the user's account in its own way, shared, and fell back to private.lock_account where there was none.
-- Only two likes of one user at the same moment gained by it: now there is one way to lock an account.
set lock_timeout = '5s';
set statement_timeout = '60s';

create or replace function private.set_showcase_like(p_item_id uuid, p_liked boolean) returns jsonb
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
