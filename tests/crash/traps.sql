-- Stops a transaction at a named step of a task's life, so that its worker can be killed at that very moment.
--
-- An armed trap catches the first transaction that comes by: it says who it is in its application_name and waits for
-- an advisory lock that the test holds. Letting the lock go commits the step, ending the backend undoes it.
create schema crash;

create table crash.traps (step text primary key);

create function crash.come_by(p_step text, p_worker text) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform from crash.traps as t where t.step = p_step for update skip locked;
    if not found or p_worker is null then
        return;
    end if;
    delete from crash.traps as t where t.step = p_step;
    perform set_config('application_name', 'trapped ' || p_worker, false);
    perform pg_advisory_xact_lock(4711);
    perform set_config('application_name', 'released', false);
end
$$;

create function crash.watch_jobs() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if new.lease_token is distinct from old.lease_token and new.lease_token is not null then
        perform crash.come_by('claim ' || new.stage, new.leased_by);
    elsif new.stage = 'transfer' and old.stage <> 'transfer' then
        perform crash.come_by('clip is made', old.leased_by);
    elsif old.stage = 'poll' and old.lease_token is not null and new.lease_token is null then
        perform crash.come_by('record poll', old.leased_by);
    elsif new.download_attempt > old.download_attempt then
        perform crash.come_by('begin transfer', old.leased_by);
    elsif new.lease_token = old.lease_token and new.due_at > old.due_at and new.stage = old.stage then
        perform crash.come_by('extend lease', old.leased_by);
    end if;
    return null;
end
$$;

create trigger crash_watch after update on private.video_jobs
for each row execute function crash.watch_jobs();

create function crash.watch_calls() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_worker text;
begin
    select j.leased_by into v_worker from private.video_jobs as j where j.task_id = new.task_id;
    if tg_op = 'INSERT' then
        perform crash.come_by('begin submit', v_worker);
    elsif old.operation_id is null and new.operation_id is not null then
        perform crash.come_by('record operation', v_worker);
    elsif old.outcome = 'in_flight' and new.outcome in ('refused', 'unknown') then
        perform crash.come_by('requeue submit', v_worker);
    end if;
    return null;
end
$$;

create trigger crash_watch after insert or update on private.provider_calls
for each row execute function crash.watch_calls();

create function crash.watch_tasks() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform crash.come_by(
        new.status, (select j.leased_by from private.video_jobs as j where j.task_id = new.id)
    );
    return null;
end
$$;

create trigger crash_watch after update of status on public.video_generation_history
for each row when (old.status <> new.status and new.status in ('completed', 'failed'))
execute function crash.watch_tasks();

create function crash.watch_objects() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform crash.come_by(
        case when new.name like '%.mp4' then 'store file' else 'store poster' end,
        (
            select j.leased_by
            from private.video_jobs as j
            where j.task_id::text = split_part(split_part(new.name, '/', 2), '.', 1)
        )
    );
    return null;
end
$$;

create trigger crash_watch after insert on storage.objects
for each row when (new.bucket_id = 'videos')
execute function crash.watch_objects();

create function crash.watch_file_jobs() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if tg_op = 'DELETE' then
        perform crash.come_by('file is deleted', old.leased_by);
    elsif new.lease_token is distinct from old.lease_token and new.lease_token is not null then
        perform crash.come_by('claim file job', new.leased_by);
    end if;
    return null;
end
$$;

create trigger crash_watch after update or delete on private.file_jobs
for each row execute function crash.watch_file_jobs();
