-- pg_cron as a hosted project grants it: `postgres` schedules through cron's functions and reads its tables, but
-- cannot write cron.job directly. Jobs run as the role that scheduled them.

create extension if not exists pg_cron with schema pg_catalog;

grant usage on schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
grant usage, select on all sequences in schema cron to postgres with grant option;
revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;
