-- A payment names the ledger entry by which it gave its credits.
set lock_timeout = '5s';
set statement_timeout = '60s';

alter table public.payments
add constraint payments_purchase_entry_id_fkey
foreign key (purchase_entry_id) references public.credit_transactions (id) not valid;
