-- The worker's door. Each verb is one autocommit statement without session state, so any pooler mode works, and
-- answers {result, ...} instead of raising:
--
--   applied          the verb did what it says
--   already_applied  it had been done by the same lease or attempt: a lost reply was repeated
--   lease_lost       somebody else holds the job, or the verdict came after the lease had ended; nothing was changed
--   illegal_state    the task is not where this verb applies ({status, stage}; status null: no such task)
--
-- A verdict names the lease token of its claim. What was paid for (record_operation, requeue_submit) is fenced by
-- the number of the attempt instead, so a slow worker still hands it in.
create function worker_api.contract_version() returns integer
language sql
immutable
security invoker
set search_path = ''
as $$
    select 1
$$;

comment on function worker_api.contract_version() is 'Version of the contract between worker and schema.';
revoke all on function worker_api.contract_version() from public, anon, authenticated, service_role;
grant execute on function worker_api.contract_version() to video_worker;
