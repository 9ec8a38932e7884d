-- Administrators list and count all tasks of a user, deleted ones too. Orders wait while the index is made: a moment
-- for 100,000 tasks. With many more, make it CONCURRENTLY before the push, which then finds it.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
create index if not exists video_generation_history_by_account
on public.video_generation_history (account_id, created_at desc, id desc);
