-- Wakes the worker: one small POST to its /tick, sent by pg_net after the commit.
--
-- pg_net delivers at most once and forgets on a crash, so a poke carries no data: losing one costs one tick. At most
-- one transaction pokes at a time. Never fails its caller: without Vault secrets, without pg_net, or when anything
-- else is wrong, the worker finds the job by itself.
create function private.poke_worker() returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_url text;
    v_token text;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('reelbase.poke_worker', 0)) then
        return false;
    end if;

    select
        max(s.decrypted_secret) filter (where s.name = 'worker_url'),
        max(s.decrypted_secret) filter (where s.name = 'worker_token')
    into v_url, v_token
    from vault.decrypted_secrets as s
    where s.name in ('worker_url', 'worker_token');

    if v_url is null or v_token is null then
        return false;
    end if;

    perform net.http_post(
        url => rtrim(v_url, '/') || '/tick',
        body => '{}',
        headers => jsonb_build_object('Content-Type', 'application/json', 'Authorization', 'Bearer ' || v_token),
        timeout_milliseconds => 2000
    );
    return true;
exception
    when others then
        raise warning 'the worker could not be poked: %', sqlerrm;
        return false;
end
$$;

comment on function private.poke_worker() is
'Asks pg_net to wake the worker after the commit. True if a request was queued; never raises.';
revoke all on function private.poke_worker() from public, anon, authenticated, service_role;
