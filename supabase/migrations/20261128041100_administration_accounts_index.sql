-- Administrators page through users, newest first. Writing to the table waits while the index is made: a moment for
-- 100,000 users. With many more, make it CONCURRENTLY before the push, which then finds it.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
create index if not exists credit_accounts_by_creation
on public.credit_accounts (created_at desc, id desc) where user_id is not null;
