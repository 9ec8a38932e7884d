-- What happens to a person's tasks, files and money when his user is deleted, hard or soft, also while he generates.
--
-- Locks the account, ends live tasks (user_deleted, credits back), blanks what is personal and queues the files.
-- The ledger and the cost of provider calls stay, without the person.
create function private.forget_user(p_user_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account_id uuid;
    v_task public.video_generation_history;
begin
    -- Without an account there are no tasks; images and files may be there all the same.
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = p_user_id for update;

    perform private.forget_showcase(p_user_id);

    for v_task in
        select * from public.video_generation_history as h
        where h.account_id = v_account_id and h.ended_at is null
        order by h.id
        for update
    loop
        perform private.end_task(v_task, 'failed', 'user_deleted', 'system');
    end loop;

    update public.video_generation_history as h
    set
        user_id = null,
        prompt = null,
        negative_prompt = null,
        reference_image_bucket = null,
        reference_image_path = null,
        request = '{}',
        permanent_video_url = null,
        thumbnail_url = null,
        deleted_at = coalesce(h.deleted_at, private.now())
    where h.account_id = v_account_id;

    -- Recorded images may lie anywhere, as the host application has it. The user's own folders follow below.
    insert into private.file_jobs (kind, bucket, path)
    select 'delete', i.bucket, i.path
    from public.image_generation_history as i
    where i.user_id = p_user_id
        and i.deleted_at is null
        and not (i.bucket = 'reference-images' and i.path like p_user_id || '/%');

    update public.image_generation_history as i
    set user_id = null, prompt = null, path = i.id::text, deleted_at = coalesce(i.deleted_at, private.now())
    where i.user_id = p_user_id;

    update public.prompt_optimizations as p
    set user_id = null, original_prompt = null, prompt = null, negative_prompt = null
    where p.user_id = p_user_id;
    -- What the provider said may quote the prompt. The calls and their cost stay.
    update private.provider_calls as c
    set detail = '{}'
    where c.task_id in (select h.id from public.video_generation_history as h where h.account_id = v_account_id);
    update private.alerts as l
    set details = '{}'
    where l.subject in (select h.id::text from public.video_generation_history as h where h.account_id = v_account_id);

    insert into private.file_jobs (kind, bucket, path)
    select 'delete', o.bucket_id, o.name
    from storage.objects as o
    where o.bucket_id in ('videos', 'reference-images')
        and o.name like p_user_id || '/%';

    update public.credit_accounts as a set user_id = null where a.id = v_account_id;
    delete from public.profiles as p where p.id = p_user_id and not private.is_adopted('profiles');
end
$$;

comment on function private.forget_user(uuid) is
'Settles a deleted user''s live tasks, blanks his content, queues his files; the ledger stays.';
revoke all on function private.forget_user(uuid) from public, anon, authenticated, service_role;

create function private.forget_deleted_user() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform private.forget_user(old.id);
    return case tg_op when 'DELETE' then old else new end;
end
$$;

comment on function private.forget_deleted_user() is 'Trigger on auth.users: private.forget_user on deletion.';
revoke all on function private.forget_deleted_user() from public, anon, authenticated, service_role;

create trigger reelbase_forget_user
before delete on auth.users
for each row execute function private.forget_deleted_user();

create trigger reelbase_forget_soft_deleted_user
before update of deleted_at on auth.users
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.forget_deleted_user();
