-- Tick, sweep, audit, clean-up and their cron jobs.
-- First version: made from sql/schema/90_operations, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- Called by pg_cron every 10 seconds: stamps pg_cron's heartbeat and pokes the worker if a job is due.
create function private.tick() returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ('pg_cron', '', '{}')
    on conflict (worker_id) do update
    set beat_at = private.now();

    if exists (select from private.video_jobs as j where j.due_at <= private.now())
        or exists (select from private.file_jobs as f where f.due_at <= private.now())
    then
        return private.poke_worker();
    end if;
    return false;
end
$$;

comment on function private.tick() is 'Stamps pg_cron''s heartbeat; pokes the worker if work is due. True if poked.';
revoke all on function private.tick() from public, anon, authenticated, service_role;

-- Settles what nobody holds: tasks past their deadline whose lease, if any, has run out. Returns how many it ended.
--
-- The worker settles what it holds; this is for what is left when workers are silent or gone, so that nobody waits
-- for ever. Called every minute, one task for each transaction (limit 1 in a loop that commits). A higher limit
-- locks its accounts in one statement, in id order.
create function private.sweep(p_limit integer default 100) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_job private.video_jobs;
    v_ended integer := 0;
begin
    select array_agg(e.task_id order by e.account_id, e.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        where j.deadline_at < v_now and j.due_at <= v_now
        order by j.deadline_at
        limit p_limit
    ) as e;

    perform
    from public.credit_accounts as a
    where a.id in (
        select j.account_id
        from private.video_jobs as j
        where j.task_id = any (v_task_ids)
    )
    order by a.id
    for update;

    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        select * into v_job from private.video_jobs as j where j.task_id = v_task_id for update;

        -- Looked at again under the locks: somebody may have claimed or ended it meanwhile.
        continue when v_job.task_id is null or v_job.deadline_at >= v_now or v_job.due_at > v_now;

        if v_job.stage = 'transfer' then
            perform private.fail_transfer(v_task, 'video_expired', null, '{}');
        else
            perform private.end_task(
                v_task, 'failed',
                case
                    when v_job.stage in ('submitting', 'reconcile') then 'submission_unknown'
                    when v_job.stage = 'submit' and v_job.refusals > 0 then 'provider_quota'
                    else 'timeout'
                end,
                'system'
            );
        end if;
        v_ended := v_ended + 1;
    end loop;

    return v_ended;
end
$$;

comment on function private.sweep(integer) is
'Ends tasks past their deadline that no worker holds; returns how many. Credits go back.';
revoke all on function private.sweep(integer) from public, anon, authenticated, service_role;

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
$$;

comment on function private.audit_ledger() is
'A row for each mismatch of ledger, tasks and files; none when clean. Changes nothing.';
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

-- What piles up and nobody reads: pg_cron's run history and the heartbeats of workers long gone.
create function private.clean_up() returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < private.now() - interval '7 days';

    delete from private.worker_heartbeats as h
    where h.beat_at < private.now() - interval '7 days';
end
$$;

comment on function private.clean_up() is 'Deletes run history and heartbeats older than a week.';
revoke all on function private.clean_up() from public, anon, authenticated, service_role;

-- The four cron jobs. A name is scheduled once: scheduling it again replaces it.
--
-- pg_cron before 1.5 knows no seconds: there a block, started each minute, ticks every 10 seconds and ends before the
-- next one starts. It commits after each tick, because pg_net sends at commit.
do $do$
begin
    if (
        select string_to_array(regexp_replace(e.extversion, '[^0-9.].*', ''), '.')::integer[] >= '{1,5}'
        from pg_extension as e
        where e.extname = 'pg_cron'
    ) then
        perform cron.schedule('video-tick', '10 seconds', 'select private.tick()');
    else
        perform cron.schedule('video-tick', '* * * * *', $cron$
do $$
declare
    v_start timestamptz := clock_timestamp();
begin
    for v_tick in 1..6 loop
        perform private.tick();
        commit;
        exit when v_tick = 6;
        perform pg_sleep(greatest(0, extract(epoch from v_start + v_tick * interval '10 seconds' - clock_timestamp())));
    end loop;
end
$$
$cron$);
    end if;

    perform cron.schedule('video-sweep', '* * * * *', $cron$
do $$
begin
    for v_round in 1..1000 loop
        exit when private.sweep(1) = 0;
        commit;
    end loop;
end
$$
$cron$);

    perform cron.schedule('video-audit', '17 3 * * *', 'select private.report_audit()');
    perform cron.schedule('video-cleanup', '41 3 * * *', 'select private.clean_up()');
end
$do$;
