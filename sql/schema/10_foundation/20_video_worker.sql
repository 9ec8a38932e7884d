-- The worker's login. It can execute the verbs in worker_api and owns nothing.
--
-- The role is made without a password: an operator sets one after each `db push` into a new project and after
-- each restore (backups do not hold the passwords of custom roles).
do $$
begin
    if not exists (select from pg_roles where rolname = 'video_worker') then
        create role video_worker login noinherit nocreatedb nocreaterole;
    end if;
end
$$;

alter role video_worker set statement_timeout = '15s';
alter role video_worker set idle_in_transaction_session_timeout = '15s';
grant usage on schema worker_api to video_worker;
