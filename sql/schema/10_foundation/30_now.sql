-- The one clock of the system.
--
-- Clock time, not transaction start: a time is taken after the lock it depends on, so it orders events as the
-- locks did. A test replaces this function inside its own database; nothing sleeps in a test.
create function private.now() returns timestamptz
language sql
volatile
security invoker
set search_path = ''
as $$
    select clock_timestamp()
$$;

comment on function private.now() is 'Clock time. The only clock the schema reads.';
revoke all on function private.now() from public, anon, authenticated, service_role;
