-- A video is consoled for once: a rule of the schema, not of the function that does it.
--
-- Reads the ledger once, and keeps writers waiting meanwhile. Where that would take too long, make the index beforehand
-- with `create unique index concurrently`, under the same name.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
create unique index if not exists credit_transactions_one_goodwill_for_each_task
on public.credit_transactions (task_id) where type = 'goodwill_refund';
