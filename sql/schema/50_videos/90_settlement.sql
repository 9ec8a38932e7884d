-- No task ends without its credits settled: declared, not coded.
--
-- A task's charge and refund are ledger entries of the right type and amount that name the task, and each such
-- entry is named by its task. Checked at commit, so one transaction may write them in any order. Keys hold under
-- concurrent commits, where a trigger that looks at the other table would not (two sessions, each blind to the
-- other, could both pass).
alter table public.video_generation_history
add constraint charge_is_in_the_ledger foreign key (charge_id, id, charge_type, charge_amount)
references public.credit_transactions (id, task_id, type, amount) deferrable initially deferred;

alter table public.video_generation_history
add constraint refund_is_in_the_ledger foreign key (refund_id, id, refund_type, credit_cost)
references public.credit_transactions (id, task_id, type, amount) deferrable initially deferred;

alter table public.credit_transactions
add constraint charge_is_named_by_its_task foreign key (task_id, charge_of_task)
references public.video_generation_history (id, charge_id) deferrable initially deferred;

alter table public.credit_transactions
add constraint refund_is_named_by_its_task foreign key (task_id, refund_of_task)
references public.video_generation_history (id, refund_id) deferrable initially deferred;

alter table public.credit_transactions
add constraint entry_task_exists foreign key (task_id)
references public.video_generation_history (id) deferrable initially deferred;
