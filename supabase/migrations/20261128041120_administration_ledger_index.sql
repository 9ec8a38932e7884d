-- Statistics of a period read the ledger by its time. Block ranges are small and made in one pass over the table.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
create index if not exists credit_transactions_by_creation
on public.credit_transactions using brin (created_at) with (autosummarize = on);
