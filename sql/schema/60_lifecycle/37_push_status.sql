-- Tells a user's open apps that the status of his video changed, where the platform has Realtime: the broadcast
-- `status` on the private channel videos:<user id>, with ids and status only. What it means is asked by
-- get_video_status, which alone decides who sees what.

-- realtime.send is looked up for each message: it may come after us, and it is not ours. Whatever goes wrong in it must
-- not undo a settlement.
create function private.push_status() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if new.user_id is not null and to_regprocedure('realtime.send(jsonb,text,text,boolean)') is not null then
        execute 'select realtime.send($1, $2, $3, true)'
        using jsonb_build_object('task_id', new.id, 'status', new.status), 'status', 'videos:' || new.user_id;
    end if;
    return null;
exception
    when others then
        raise warning 'the status of % could not be pushed: %', new.id, sqlerrm;
        return null;
end
$$;

comment on function private.push_status() is 'Trigger: broadcasts a changed status to its owner; never fails.';
revoke all on function private.push_status() from public, anon, authenticated, service_role;

create trigger status_is_pushed
after update of status on public.video_generation_history
for each row when (old.status is distinct from new.status)
execute function private.push_status();

-- Lets each user listen to his own channel, and to no other. Called by the migration; call it again if Realtime came to
-- the project later. False where there is no Realtime, or it does not let us.
create function private.install_realtime() returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
        return false;
    end if;

    drop policy if exists videos_are_announced_to_their_owner on realtime.messages;
    create policy videos_are_announced_to_their_owner on realtime.messages
    for select to authenticated
    using (extension = 'broadcast' and (select realtime.topic()) = 'videos:' || (select auth.uid())::text);
    return true;
exception
    when insufficient_privilege then
        raise warning 'Realtime does not let us make a policy: %', sqlerrm;
        return false;
end
$$;

comment on function private.install_realtime() is
'Lets users listen to their own channel of Realtime. False where there is none. Run it again if it came later.';
revoke all on function private.install_realtime() from public, anon, authenticated, service_role;

select private.install_realtime();
