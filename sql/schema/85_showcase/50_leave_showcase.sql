-- How an item leaves: by its author, with its video or image, with its author's user.

-- Deletes an item's copies, and those not made yet. The caller holds the item's lock.
--
-- Twice: now, and once more when a copy that a worker has begun at this moment must have ended.
create function private.drop_showcase_files(p_item public.showcase_items) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
begin
    delete from private.file_jobs as f where f.showcase_item_id = p_item.id;

    insert into private.file_jobs (kind, bucket, path, due_at)
    select distinct 'delete', 'showcase', private.showcase_object(u.url), v_now + w.wait
    from (values (p_item.image_url), (p_item.video_url), (p_item.thumbnail_url)) as u (url)
    cross join (
        select unnest(array['0 seconds', 10 * s.lease_period]) as wait from private.settings as s
    ) as w
    where p_item.author_id is not null and private.showcase_object(u.url) is not null;

    perform private.poke_worker();
end
$$;

comment on function private.drop_showcase_files(public.showcase_items) is 'Queues the deletion of an item''s copies.';
revoke all on function private.drop_showcase_files(public.showcase_items)
from public, anon, authenticated, service_role;

-- Withdraws an item of the caller. Repeating it raises item_not_found, as for somebody else's; one that was rejected or
-- taken down is out already, and stays as a row. Locks account and item.
create function private.remove_from_showcase(p_item_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_item public.showcase_items;
begin
    perform private.lock_account(v_user_id);
    select * into v_item
    from public.showcase_items as s
    where s.id = p_item_id and s.author_id = v_user_id
    for update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if v_item.item_status not in ('rejected', 'taken_down') then
        perform private.drop_showcase_files(v_item);
        delete from public.showcase_items as s where s.id = p_item_id;
    end if;
    return '{"removed": true}'::jsonb;
end
$$;

comment on function private.remove_from_showcase(uuid) is
'Withdraws the caller''s item. See public.remove_from_showcase.';
revoke all on function private.remove_from_showcase(uuid) from public, anon, authenticated, service_role;
grant execute on function private.remove_from_showcase(uuid) to authenticated;

create function public.remove_from_showcase(item_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.remove_from_showcase(item_id);
end;

comment on function public.remove_from_showcase(uuid) is
'Withdraws the caller''s item from the showcase, with its public copies: {removed}.';
revoke all on function public.remove_from_showcase(uuid) from public, anon, authenticated, service_role;
grant execute on function public.remove_from_showcase(uuid) to authenticated;

-- A video or an image is deleted: what was shown of it goes too, whatever became of the item.
create function private.withdraw_from_showcase() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item public.showcase_items;
begin
    delete from public.showcase_items as s
    where s.source_task_id = new.id or s.source_image_id = new.id
    returning * into v_item;
    if found then
        perform private.drop_showcase_files(v_item);
    end if;
    return null;
end
$$;

comment on function private.withdraw_from_showcase() is 'Trigger: withdraws the item of a deleted video or image.';
revoke all on function private.withdraw_from_showcase() from public, anon, authenticated, service_role;

create trigger withdraw_from_showcase
after update of deleted_at on public.video_generation_history
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.withdraw_from_showcase();

create trigger withdraw_from_showcase
after update of deleted_at on public.image_generation_history
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.withdraw_from_showcase();

-- A user is deleted: his items and his likes go. Part of private.forget_user, which holds his account's lock.
create function private.forget_showcase(p_user_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item public.showcase_items;
begin
    -- All of them first, in id order: two users who like each other's items may be deleted at the same moment.
    perform
    from public.showcase_items as s
    where s.author_id = p_user_id
        or s.id in (select l.item_id from public.showcase_likes as l where l.user_id = p_user_id)
    order by s.id
    for update;

    for v_item in
        delete from public.showcase_items as s where s.author_id = p_user_id returning *
    loop
        perform private.drop_showcase_files(v_item);
    end loop;

    with gone as (
        delete from public.showcase_likes as l where l.user_id = p_user_id returning l.item_id
    )
    update public.showcase_items as s
    set like_count = s.like_count - 1
    from gone
    where s.id = gone.item_id;
end
$$;

comment on function private.forget_showcase(uuid) is 'Takes a deleted user''s items and likes out of the showcase.';
revoke all on function private.forget_showcase(uuid) from public, anon, authenticated, service_role;
