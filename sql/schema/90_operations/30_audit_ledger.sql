-- The proof that nothing was lost: a row for each mismatch, none when clean. Never repairs anything.
--
-- Much of this is also held by keys and constraints. The audit does not trust them: it adds up from the entries.
create function private.audit_ledger()
returns table (finding text, account_id uuid, task_id uuid, detail jsonb)
language sql
stable
security definer
set search_path = ''
as $$
    with entries as (
        select
            t.account_id,
            sum(t.amount) as total,
            count(*) as entries,
            max(t.entry_no) as last_entry_no
        from public.credit_transactions as t
        group by t.account_id
    )

    select 'balance_is_not_the_sum_of_entries', a.id, null::uuid,
        jsonb_build_object('balance', a.balance, 'sum', coalesce(e.total, 0))
    from public.credit_accounts as a
    left join entries as e on e.account_id = a.id
    where a.balance <> coalesce(e.total, 0)

    union all
    select 'entries_have_gaps', e.account_id, null,
        jsonb_build_object('entries', e.entries, 'last_entry_no', e.last_entry_no)
    from entries as e
    where e.entries <> e.last_entry_no

    union all
    select 'account_is_not_at_its_last_entry', a.id, null,
        jsonb_build_object(
            'balance', a.balance, 'debt', a.debt, 'balance_after', t.balance_after, 'debt_after', t.debt_after
        )
    from public.credit_accounts as a
    left join entries as e on e.account_id = a.id
    left join public.credit_transactions as t on t.account_id = a.id and t.entry_no = e.last_entry_no
    where (a.balance, a.debt, a.last_entry_no)
        is distinct from (coalesce(t.balance_after, 0), coalesce(t.debt_after, 0), coalesce(e.last_entry_no, 0))

    union all
    select 'entry_does_not_follow_its_predecessor', t.account_id, t.task_id,
        jsonb_build_object('entry_no', t.entry_no)
    from public.credit_transactions as t
    left join public.credit_transactions as p on p.account_id = t.account_id and p.entry_no = t.entry_no - 1
    where (t.balance_before, t.debt_before) is distinct from (coalesce(p.balance_after, 0), coalesce(p.debt_after, 0))
        or t.balance_after <> t.balance_before + t.amount

    union all
    select 'task_is_not_settled', h.account_id, h.id,
        jsonb_build_object('status', h.status, 'credit_cost', h.credit_cost, 'charges', m.charges, 'refunds', m.refunds)
    from public.video_generation_history as h
    cross join lateral (
        select
            coalesce(-sum(t.amount) filter (where t.type = 'video_generation'), 0) as charges,
            coalesce(sum(t.amount) filter (where t.type = 'video_refund'), 0) as refunds,
            count(*) filter (where t.type = 'video_generation') as charge_entries,
            count(*) filter (where t.type = 'video_refund') as refund_entries
        from public.credit_transactions as t
        where t.task_id = h.id
    ) as m
    where m.charges <> h.credit_cost
        or m.refunds <> case when h.status in ('failed', 'cancelled') then h.credit_cost else 0 end
        or m.charge_entries > 1
        or m.refund_entries > 1

    union all
    select 'goodwill_does_not_fit_its_task', h.account_id, h.id,
        jsonb_build_object('status', h.status, 'credit_cost', h.credit_cost, 'goodwill', g.total, 'entries', g.entries)
    from (
        select
            t.task_id,
            sum(t.amount) as total,
            count(*) as entries
        from public.credit_transactions as t
        where t.type = 'goodwill_refund'
        group by t.task_id
    ) as g
    inner join public.video_generation_history as h on h.id = g.task_id
    where h.status <> 'completed' or g.entries > 1 or g.total > h.credit_cost

    union all
    select 'live_task_has_no_job', h.account_id, h.id, jsonb_build_object('status', h.status)
    from public.video_generation_history as h
    where h.status in ('pending', 'processing', 'downloading')
        and not exists (select from private.video_jobs as j where j.task_id = h.id)

    union all
    select 'ended_task_has_a_job', j.account_id, j.task_id, jsonb_build_object('status', h.status)
    from private.video_jobs as j
    inner join public.video_generation_history as h on h.id = j.task_id
    where h.status not in ('pending', 'processing', 'downloading')

    union all
    select 'stored_file_is_missing_or_differs', h.account_id, h.id,
        jsonb_build_object('expected', h.file_size_bytes, 'stored', (o.metadata ->> 'size')::bigint)
    from public.video_generation_history as h
    left join storage.objects as o
        on o.bucket_id = 'videos' and o.name = substr(h.permanent_video_url, length('videos/') + 1)
    where h.status = 'completed'
        and h.deleted_at is null
        and (o.metadata ->> 'size')::bigint is distinct from h.file_size_bytes

    union all
    select 'payment_is_not_in_the_ledger', p.account_id, null,
        jsonb_build_object(
            'payment_id', p.id, 'status', p.status, 'given', m.given, 'taken_back', m.taken_back
        )
    from public.payments as p
    cross join lateral (
        select
            coalesce(sum(t.amount) filter (where t.type = 'purchase'), 0) as given,
            coalesce(
                sum(t.debt_after - t.debt_before - t.amount) filter (where t.type = 'purchase_refund'), 0
            ) as taken_back
        from public.credit_transactions as t
        where t.account_id = p.account_id
            and t.type in ('purchase', 'purchase_refund')
            and starts_with(t.idempotency_key || ':', p.provider || ':' || p.order_id || ':')
    ) as m
    where m.given <> case when p.purchase_entry_id is null then 0 else p.credits end
        or m.taken_back <> p.refunded_credits
$$;

comment on function private.audit_ledger() is
'A row for each mismatch of ledger, tasks, payments and files; none when clean. Changes nothing.';
revoke all on function private.audit_ledger() from public, anon, authenticated, service_role;

-- The nightly run: each finding becomes an alert.
create function private.report_audit() returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_finding record;
    v_count integer := 0;
begin
    for v_finding in select * from private.audit_ledger() loop
        perform private.raise_alert(
            'ledger_mismatch', 'critical',
            v_finding.finding || ' ' || coalesce(v_finding.task_id, v_finding.account_id)::text,
            to_jsonb(v_finding)
        );
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$$;

comment on function private.report_audit() is 'Runs the audit; every finding becomes an alert. Returns their number.';
revoke all on function private.report_audit() from public, anon, authenticated, service_role;
