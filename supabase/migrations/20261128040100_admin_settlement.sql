-- Administrators settle by hand: take credits, refund a video, download a clip again, roll everything back.
--
-- Settling many tasks is isolated: one that cannot be settled becomes an alert and holds up nobody else.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
create unique index admin_actions_idempotency
on private.admin_actions (user_id, action, (details ->> 'idempotency_key'))
where details ->> 'idempotency_key' is not null;

-- Changes a configuration value in an administrator's name; his reason goes into the history. Nothing happens, and
-- nothing is noted, when the value is that already.
create function private.set_config_value(p_key text, p_value jsonb, p_actor text, p_reason text) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform set_config('reelbase.actor', p_actor, true);
    perform set_config('reelbase.reason', p_reason, true);

    update public.system_configs as c
    set value = p_value
    where c.key = p_key and c.value_type is not null and c.value <> p_value;

    -- Whatever else this transaction changes is not this action's.
    perform set_config('reelbase.actor', '', true);
    perform set_config('reelbase.reason', '', true);
end
$$;

comment on function private.set_config_value(text, jsonb, text, text) is
'Changes a configuration value, with who and why in its history.';
revoke all on function private.set_config_value(text, jsonb, text, text) from public, anon, authenticated, service_role;

-- Ends a task without a file: refund, status, reason, and everything that has to be tidied up.
--
-- The only function that fails or cancels a task. The caller holds the locks of private.lock_task and passes its
-- row. The refund entry, the status and the removal of the job are one transaction; the keys of settlement refuse
-- anything less. Returns the row as it is then.
create or replace function private.end_task(
    p_task public.video_generation_history,
    p_status text,
    p_error_code text,
    p_actor text,
    p_lease uuid default null,
    p_detail jsonb default '{}'
) returns public.video_generation_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history;
    v_failure private.failure_codes;
    v_job private.video_jobs;
    v_call private.provider_calls;
    v_settings private.settings;
    v_refund_id uuid;
    v_now timestamptz := private.now();
begin
    if p_error_code is not null then
        select * into strict v_failure from private.failure_codes as f where f.code = p_error_code;
    end if;
    select * into v_settings from private.settings;

    if p_task.credit_cost > 0 then
        v_refund_id := (
            private.post_entry(
                p_task.account_id, 'video_refund', p_task.credit_cost, p_actor, p_task.id,
                p_reason => coalesce(p_error_code, p_status)
            )
        ).id;
    end if;

    update public.video_generation_history as h
    set
        status = p_status,
        error_code = p_error_code,
        error_message = v_failure.message,
        refund_id = v_refund_id,
        resolving_lease = p_lease,
        ended_at = v_now
    where h.id = p_task.id
    returning * into v_task;

    delete from private.video_jobs as j where j.task_id = p_task.id returning * into v_job;

    select * into v_call
    from private.provider_calls as c
    where c.task_id = p_task.id and c.attempt = v_job.submit_attempt;

    if v_call.outcome in ('in_flight', 'accepted', 'unknown') then
        perform private.book_call(
            p_task.id,
            v_call.attempt,
            case
                when p_error_code = 'safety_filter' then 'filtered'
                when v_failure.is_charged is not false then
                    case v_call.outcome when 'accepted' then 'abandoned' else 'unknown' end
                when v_call.outcome = 'in_flight' then 'rejected'
                else 'failed'
            end,
            coalesce(v_failure.is_charged, true),
            p_detail
        );
    end if;

    -- The provider may still be writing: its copy is deleted once it cannot be any more. A clip that could not be
    -- downloaded stays as long as the provider keeps it, for an administrator's retry.
    insert into private.file_jobs (kind, path, due_at)
    select 'delete_google', c.output_prefix,
        greatest(
            v_now + v_settings.generation_deadline,
            case when p_error_code = 'download_failed' then v_job.deadline_at end
        )
    from private.provider_calls as c
    where c.task_id = p_task.id and c.outcome not in ('refused', 'rejected');

    if v_job.stage = 'transfer' then
        -- A worker may be uploading at this moment; what it leaves behind belongs to nobody.
        insert into private.file_jobs (kind, bucket, path, due_at)
        select 'delete', 'videos', p_task.user_id || '/' || p_task.id || f.ending, v_now + 10 * v_settings.lease_period
        from (values ('.mp4'), ('.jpg')) as f (ending);
    end if;

    -- A clip that was made, and paid for, is lost to its user.
    if p_error_code in ('download_failed', 'video_expired') then
        perform private.raise_alert(
            p_error_code, 'critical', p_task.id::text,
            jsonb_build_object('google_video_url', p_task.google_video_url, 'detail', p_detail)
        );
    end if;

    return v_task;
end
$$;

comment on function private.end_task(public.video_generation_history, text, text, text, uuid, jsonb) is
'Fails or cancels a locked task: refund, status and clean-up in one transaction.';

-- Settling many tasks at once: for the sweep and for an administrator's rollback.

-- Locks the accounts of these tasks in one statement, in id order: the only way to hold more than one.
create function private.lock_accounts_of(p_task_ids uuid[]) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    select
    from public.credit_accounts as a
    where a.id in (
        select h.account_id
        from public.video_generation_history as h
        where h.id = any (p_task_ids)
    )
    order by a.id
    for update
$$;

comment on function private.lock_accounts_of(uuid[]) is 'Locks the accounts of some tasks, in id order.';
revoke all on function private.lock_accounts_of(uuid[]) from public, anon, authenticated, service_role;

-- Fails one task of many. One that cannot be settled, whatever the reason, becomes an alert (settlement_failed) and
-- holds up nobody else; false then. Deferred rules are checked here, so that they cannot fail the others' commit.
create function private.settle(p_task public.video_generation_history, p_error_code text, p_actor text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform private.end_task(p_task, 'failed', p_error_code, p_actor);
    set constraints all immediate;
    set constraints all deferred;
    return true;
exception
    when others then
        perform private.raise_alert(
            'settlement_failed', 'critical', p_task.id::text,
            jsonb_build_object('code', sqlstate, 'error', sqlerrm, 'error_code', p_error_code)
        );
        return false;
end
$$;

comment on function private.settle(public.video_generation_history, text, text) is
'Fails one task of many; an error becomes an alert instead of stopping the others. True if it was settled.';
revoke all on function private.settle(public.video_generation_history, text, text)
from public, anon, authenticated, service_role;

-- Keys by which a repeated call is recognised: the caller lost the answer, and asks again.

create function private.check_idempotency_key(p_key text) returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
    if p_key is not null and char_length(p_key) not between 1 and 255 then
        perform private.refuse_parameter(
            'idempotency_key', '{"min_length": 1, "max_length": 255}', 'The key must have 1 to 255 characters.'
        );
    end if;
end
$$;

comment on function private.check_idempotency_key(text) is 'Raises invalid_parameter for an empty or a long key.';
revoke all on function private.check_idempotency_key(text) from public, anon, authenticated, service_role;

-- The names of the parameters in which two calls with one key differ; null if in none.
create function private.differing_fields(p_first jsonb, p_now jsonb) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_agg(coalesce(a.key, b.key) order by coalesce(a.key, b.key))
    from jsonb_each(p_first) as a
    full join jsonb_each(p_now) as b on b.key = a.key
    where a.value is distinct from b.value
$$;

comment on function private.differing_fields(jsonb, jsonb) is 'Parameters in which two calls differ; null if in none.';
revoke all on function private.differing_fields(jsonb, jsonb) from public, anon, authenticated, service_role;

-- Raises idempotency_conflict, naming the fields, unless both calls ask for the same.
create function private.refuse_other_request(p_first jsonb, p_now jsonb) returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_fields jsonb := private.differing_fields(p_first, p_now);
begin
    if v_fields is not null then
        perform private.raise_error(
            'idempotency_conflict', 'This idempotency key was already used with other parameters.',
            jsonb_build_object('fields', v_fields), 'Use a new key for a new action.'
        );
    end if;
end
$$;

comment on function private.refuse_other_request(jsonb, jsonb) is
'Raises idempotency_conflict {fields} unless two calls with one key ask for the same.';
revoke all on function private.refuse_other_request(jsonb, jsonb) from public, anon, authenticated, service_role;

create or replace function private.replay_generation(
    p_task public.video_generation_history,
    p_request jsonb,
    p_balance integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_fields jsonb := private.differing_fields(p_task.request, p_request);
begin
    if p_task.deleted_at is null and v_fields is not null then
        perform private.raise_error(
            'idempotency_conflict',
            'This idempotency key was already used with other parameters.',
            jsonb_build_object('fields', v_fields, 'task_id', p_task.id),
            'Use a new key for a new video.'
        );
    end if;

    return jsonb_build_object(
        'task_id', p_task.id,
        'status', p_task.status,
        'credit_cost', p_task.credit_cost,
        'balance', p_balance,
        'estimated_seconds', (
            select o.typical_seconds
            from private.current_options as o
            where o.model = p_task.model and o.resolution = p_task.resolution and o.duration = p_task.duration
        ),
        'created_at', p_task.created_at
    );
end
$$;

comment on function private.replay_generation(public.video_generation_history, jsonb, integer) is
'The answer to a repeated generate_video; raises idempotency_conflict.';

create or replace function worker_api.claim_jobs(
    worker_id text,
    submit_slots integer,
    poll_slots integer,
    transfer_slots integer
) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with claimed as materialized (
        select * from private.claim_lane(
            worker_id, '{transfer}', least(greatest(transfer_slots, 0), v_settings.batch_size), v_settings.lease_period
        )
        union all
        select * from private.claim_lane(
            worker_id, '{poll,reconcile,submitting}', least(greatest(poll_slots, 0), v_settings.batch_size),
            v_settings.lease_period
        )
        union all
        select * from private.claim_lane(
            worker_id, '{submit}', least(greatest(submit_slots, 0), v_settings.batch_size), v_settings.lease_period
        )
    )
    select jsonb_build_object(
        'task_id', j.task_id,
        'stage', j.stage,
        'lease_token', j.lease_token,
        'lease_expires_at', j.due_at,
        'provider', coalesce(c.provider, m.provider),
        'model', h.model,
        'provider_model', coalesce(c.provider_model, m.provider_model),
        'submit_attempt', j.submit_attempt,
        'download_attempt', j.download_attempt,
        'operation_id', case when j.stage = 'poll' then h.operation_id end,
        'output_prefix', c.output_prefix,
        'google_video_url', h.google_video_url,
        'deadline_at', j.deadline_at,
        'request', jsonb_build_object(
            'prompt', h.prompt,
            'negative_prompt', h.negative_prompt,
            'duration', h.duration,
            'resolution', h.resolution,
            'aspect_ratio', h.aspect_ratio,
            'reference_image', case
                when h.reference_image_path is not null then
                    jsonb_build_object('bucket', h.reference_image_bucket, 'path', h.reference_image_path)
            end
        ),
        'output', jsonb_build_object(
            'bucket', 'videos',
            'video_path', h.user_id || '/' || h.id || '.mp4',
            'thumbnail_path', h.user_id || '/' || h.id || '.jpg'
        )
    )
    from claimed as j
    inner join public.video_generation_history as h on h.id = j.task_id
    inner join public.video_models as m on m.id = h.model
    left join private.provider_calls as c
        on c.task_id = coalesce(h.retry_of, j.task_id) and c.attempt = j.submit_attempt and j.stage <> 'submit';
end
$$;

comment on function worker_api.claim_jobs(text, integer, integer, integer) is
'Leases due jobs to a worker, at most the given number for each lane. Returns one object for each.';

create or replace function worker_api.begin_transfer(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(begin_transfer.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
begin
    select * into v_job from private.video_jobs as j where j.task_id = begin_transfer.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, begin_transfer.lease_token, '{transfer}');
    if v_refused is not null then
        return v_refused;
    end if;
    if v_job.attempt_lease = begin_transfer.lease_token then
        return jsonb_build_object('result', 'already_applied', 'download_attempt', v_job.download_attempt);
    end if;

    select * into v_settings from private.settings;
    if v_job.download_attempt >= v_settings.download_attempts then
        perform private.end_task(v_task, 'failed', 'download_failed', 'worker', begin_transfer.lease_token);
        return jsonb_build_object('result', 'illegal_state', 'status', 'failed', 'stage', null);
    end if;

    update private.video_jobs as j
    set
        download_attempt = j.download_attempt + 1,
        attempt_lease = j.lease_token,
        due_at = private.now() + v_settings.lease_period
    where j.task_id = v_job.task_id
    returning * into v_job;
    return jsonb_build_object('result', 'applied', 'download_attempt', v_job.download_attempt);
end
$$;

comment on function worker_api.begin_transfer(uuid, uuid) is
'Counts an attempt at a transfer before it begins. {result, download_attempt}.';

create or replace function worker_api.fail_video(
    task_id uuid,
    lease_token uuid,
    error_code text,
    detail jsonb
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(fail_video.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
    v_retry_at timestamptz;
begin
    select * into v_job from private.video_jobs as j where j.task_id = fail_video.task_id for update;
    v_refused := private.refuse_verdict(
        v_task, v_job, fail_video.lease_token,
        case
            when fail_video.error_code in ('download_failed', 'video_expired') then '{transfer}'::text[]
            when exists (
                select
                from private.failure_codes as f
                where f.code = fail_video.error_code and f.is_from_worker
            ) then '{submit,submitting,reconcile,poll}'
            else '{}'
        end
    );
    if v_refused is not null then
        return v_refused;
    end if;

    if v_job.stage = 'transfer' then
        update public.video_generation_history as h
        set retry_count = h.retry_count + 1
        where h.id = v_task.id;

        select * into v_settings from private.settings;
        if fail_video.error_code = 'download_failed' and v_job.download_attempt < v_settings.download_attempts then
            v_retry_at := private.now() + v_settings.download_retry;
            perform private.next_stage(v_job, 'transfer', v_retry_at, v_job.deadline_at, fail_video.lease_token);
            return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_retry_at);
        end if;
    end if;

    perform private.end_task(
        v_task, 'failed', fail_video.error_code, 'worker', fail_video.lease_token, fail_video.detail
    );

    if fail_video.error_code = 'model_retired' then
        update public.video_models as m
        set paused_at = private.now(), pause_reason = 'The provider no longer offers this model.'
        where m.id = v_task.model and m.paused_at is null;
        perform private.raise_alert('model_retired', 'critical', v_task.model, coalesce(fail_video.detail, '{}'));
    end if;

    return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
end
$$;

comment on function worker_api.fail_video(uuid, uuid, text, jsonb) is
'The worker''s verdict that a task failed: refund; or another attempt at a failed download.';

-- Settles what nobody holds: tasks past their deadline whose lease, if any, has run out. Returns how many there were.
--
-- The worker settles what it holds; this is for what is left when workers are silent or gone, so that nobody waits
-- for ever. Called every minute, one task for each transaction (limit 1 in a loop that commits). A higher limit
-- locks its accounts in one statement, in id order. A task that cannot be settled becomes an alert and is set aside for
-- a while: one poisoned task does not keep the others from their credits.
create or replace function private.sweep(p_limit integer default 100) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_job private.video_jobs;
    v_handled integer := 0;
begin
    select * into v_settings from private.settings;
    select array_agg(e.task_id order by e.account_id, e.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        where j.deadline_at < v_now and j.due_at <= v_now
        order by j.deadline_at
        limit p_limit
    ) as e;

    perform private.lock_accounts_of(v_task_ids);
    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        select * into v_job from private.video_jobs as j where j.task_id = v_task_id for update;

        -- Looked at again under the locks: somebody may have claimed or ended it meanwhile.
        continue when v_job.task_id is null or v_job.deadline_at >= v_now or v_job.due_at > v_now;

        v_handled := v_handled + 1;
        continue when private.settle(
            v_task,
            case
                when v_job.stage = 'transfer' then 'video_expired'
                when v_job.stage in ('submitting', 'reconcile') then 'submission_unknown'
                when v_job.stage = 'submit' and v_job.refusals > 0 then 'provider_quota'
                else 'timeout'
            end,
            'system'
        );

        -- It has an alert now. Tried again later, so that it keeps nobody else waiting.
        update private.video_jobs as j
        set due_at = v_now + 10 * v_settings.lease_period
        where j.task_id = v_task_id;
    end loop;

    return v_handled;
end
$$;

comment on function private.sweep(integer) is
'Ends tasks past their deadline that no worker holds, credits back; returns how many there were.';

-- squawk-ignore ban-drop-function
drop function private.fail_transfer(public.video_generation_history, text, uuid, jsonb);

-- The proof that nothing was lost: a row for each mismatch, none when clean. Never repairs anything.
--
-- Much of this is also held by keys and constraints. The audit does not trust them: it adds up from the entries.
create or replace function private.audit_ledger()
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
$$;

comment on function private.audit_ledger() is
'A row for each mismatch of ledger, tasks and files; none when clean. Changes nothing.';

-- Gives credits to a user, or takes some away. With an idempotency key it happens once, however often it is repeated;
-- a key counts for one user and one of the two verbs.
--
-- Locks the account. Raises not_admin, invalid_parameter, user_not_found, idempotency_conflict {fields}; and for
-- credits that the user does not have insufficient_credits {required, available}.
create function private.admin_change_credits(
    p_action text,
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_type text := case p_action when 'grant_credits' then 'admin_grant' else 'admin_deduct' end;
    v_account public.credit_accounts;
    v_entry public.credit_transactions;
begin
    if p_amount is null or p_amount not between 1 and 100000000 then
        perform private.refuse_parameter(
            'amount', '{"minimum": 1, "maximum": 100000000}', 'The amount must be a positive number of credits.'
        );
    end if;
    perform private.checked_reason(p_reason);
    perform private.check_idempotency_key(p_idempotency_key);
    perform private.check_user(p_user_id);

    v_account := private.lock_account(p_user_id);

    select * into v_entry
    from public.credit_transactions as t
    where t.account_id = v_account.id and t.type = v_type and t.idempotency_key = p_idempotency_key;
    if found then
        perform private.refuse_other_request(
            jsonb_build_object('amount', abs(v_entry.amount), 'reason', v_entry.reason),
            jsonb_build_object('amount', p_amount, 'reason', p_reason)
        );
        return jsonb_build_object('balance', v_account.balance);
    end if;

    if p_action = 'deduct_credits' and p_amount > v_account.balance then
        perform private.raise_error(
            'insufficient_credits',
            format('This user has %s credits; %s cannot be taken.', v_account.balance, p_amount),
            jsonb_build_object('required', p_amount, 'available', v_account.balance)
        );
    end if;

    v_entry := private.post_entry(
        v_account.id, v_type, case p_action when 'grant_credits' then p_amount else -p_amount end, v_actor,
        p_reason => p_reason, p_idempotency_key => p_idempotency_key
    );

    insert into private.admin_actions (actor, action, user_id, details, reason)
    values (v_actor, p_action, p_user_id, jsonb_build_object('amount', p_amount, 'entry', v_entry.id), p_reason);

    -- Part of a grant may have repaid a debt.
    return jsonb_build_object(
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_account.id)
    );
end
$$;

comment on function private.admin_change_credits(text, uuid, integer, text, text) is
'Gives (grant_credits) or takes (deduct_credits) credits of a user, once for each key.';
revoke all on function private.admin_change_credits(text, uuid, integer, text, text)
from public, anon, authenticated, service_role;

create or replace function private.admin_grant_credits(
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select private.admin_change_credits('grant_credits', p_user_id, p_amount, p_reason, p_idempotency_key)
$$;

comment on function private.admin_grant_credits(uuid, integer, text, text) is
'Gives credits to a user, once for each key.';
revoke all on function private.admin_grant_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_grant_credits(uuid, integer, text, text) to authenticated, service_role;

create function private.admin_deduct_credits(
    p_user_id uuid,
    p_amount integer,
    p_reason text,
    p_idempotency_key text
) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select private.admin_change_credits('deduct_credits', p_user_id, p_amount, p_reason, p_idempotency_key)
$$;

comment on function private.admin_deduct_credits(uuid, integer, text, text) is
'Takes credits from a user, once for each key.';
revoke all on function private.admin_deduct_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_deduct_credits(uuid, integer, text, text) to authenticated;

create function public.admin_deduct_credits(
    user_id uuid,
    amount integer,
    reason text,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_deduct_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.admin_deduct_credits(uuid, integer, text, text) is
'Takes credits from a user, at most what he has: {balance}. Administrators only.';
revoke all on function public.admin_deduct_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_deduct_credits(uuid, integer, text, text) to authenticated;

-- Gives the credits of a video back, by hand, once.
--
--   live                  ends now with admin_refunded: all of the price comes back
--   completed             stays completed and gets one goodwill_refund: the price, or the part of it that `amount` says
--   failed or cancelled   already_applied: its credits are back; and so for a video that cost nothing
--
-- {result, task_id, status, refunded_credits, balance}. A second refund is already_applied, with or without a key.
-- Locks account, task and job. Raises not_admin, invalid_parameter, task_not_found, user_not_found,
-- idempotency_conflict {fields}.
create function private.admin_refund_video(
    p_task_id uuid,
    p_reason text,
    p_amount integer,
    p_idempotency_key text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_request jsonb := jsonb_build_object('task_id', p_task_id, 'reason', p_reason, 'amount', p_amount);
    v_task public.video_generation_history;
    v_first jsonb;
    v_is_done boolean;
begin
    perform private.checked_reason(p_reason);
    perform private.check_idempotency_key(p_idempotency_key);

    v_task := private.lock_task(p_task_id);
    if v_task.id is null then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    select a.details -> 'request' into v_first
    from private.admin_actions as a
    where a.user_id = v_task.user_id
        and a.action = 'refund_video'
        and a.details ->> 'idempotency_key' = p_idempotency_key;
    if found then
        perform private.refuse_other_request(v_first, v_request);
    end if;

    -- What is not finished gives back all of its price: only a finished video may be paid for in part.
    if p_amount not between 1 and v_task.credit_cost
        or (v_task.status <> 'completed' and p_amount <> v_task.credit_cost)
    then
        perform private.refuse_parameter(
            'amount',
            jsonb_build_object(
                'minimum', case v_task.status when 'completed' then 1 else v_task.credit_cost end,
                'maximum', v_task.credit_cost
            ),
            format('This video cost %s credits. Leave the amount out to give all of them back.', v_task.credit_cost)
        );
    end if;

    v_is_done := v_task.status in ('failed', 'cancelled')
        or (v_task.status = 'completed' and v_task.credit_cost = 0)
        or exists (
            select
            from public.credit_transactions as t
            where t.task_id = v_task.id and t.type = 'goodwill_refund'
        );

    if not v_is_done then
        if v_task.status <> 'completed' then
            v_task := private.end_task(v_task, 'failed', 'admin_refunded', v_actor);
        elsif v_task.user_id is null then
            perform private.raise_error('user_not_found', 'The user of this video no longer exists.');
        else
            perform private.post_entry(
                v_task.account_id, 'goodwill_refund', coalesce(p_amount, v_task.credit_cost), v_actor, v_task.id,
                p_reason => p_reason, p_idempotency_key => p_idempotency_key
            );
        end if;

        insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
        values (
            v_actor, 'refund_video', v_task.user_id, v_task.id,
            jsonb_build_object(
                'request', v_request, 'status', v_task.status, 'idempotency_key', p_idempotency_key
            ),
            p_reason
        );
    end if;

    return jsonb_build_object(
        'result', case when v_is_done then 'already_applied' else 'applied' end,
        'task_id', v_task.id,
        'status', v_task.status,
        'refunded_credits', private.video_status(v_task) -> 'refunded_credits',
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_task.account_id)
    );
end
$$;

comment on function private.admin_refund_video(uuid, text, integer, text) is
'Gives the credits of a video back, once. See public.admin_refund_video.';
revoke all on function private.admin_refund_video(uuid, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_refund_video(uuid, text, integer, text) to authenticated;

create function public.admin_refund_video(
    task_id uuid,
    reason text,
    amount integer default null,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_refund_video(task_id, reason, amount, idempotency_key);
end;

comment on function public.admin_refund_video(uuid, text, integer, text) is
'Ends a live video or consoles for a finished one: {result, task_id, status, refunded_credits, balance}.';
revoke all on function public.admin_refund_video(uuid, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_refund_video(uuid, text, integer, text) to authenticated;

-- Tries once more to save a clip that was made and could not be downloaded. The failed task stays failed and refunded:
-- a new one, free and outside its user's limit, is born downloading and names it in retry_of.
--
-- {result, task_id, retry_of, status} of the new task. While a retry runs, and after one has succeeded, the answer is
-- already_applied with that retry. Locks the account and the task. Raises not_admin, task_not_found (also when its
-- owner deleted it), illegal_state {status, stage}: not failed by download_failed, or the provider's copy has expired.
create function private.admin_retry_download(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_task public.video_generation_history := private.lock_task(p_task_id);
    v_first public.video_generation_history;
    v_retry public.video_generation_history;
    v_call private.provider_calls;
    v_settings private.settings;
    v_now timestamptz := private.now();
begin
    -- A retry of a retry is one of the first task: all of them belong to its clip.
    select * into v_first
    from public.video_generation_history as h
    where h.id = coalesce(v_task.retry_of, v_task.id) and h.deleted_at is null;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    select * into v_retry
    from public.video_generation_history as h
    where h.retry_of = v_first.id and h.status in ('downloading', 'completed');
    if found then
        return jsonb_build_object(
            'result', 'already_applied', 'task_id', v_retry.id, 'retry_of', v_first.id, 'status', v_retry.status
        );
    end if;

    if v_task.error_code is distinct from 'download_failed' then
        perform private.raise_error(
            'illegal_state', 'Only a video whose download failed can be downloaded again.',
            jsonb_build_object('status', v_task.status, 'stage', null)
        );
    end if;

    select * into v_settings from private.settings;
    select * into v_call
    from private.provider_calls as c
    where c.task_id = v_first.id and c.outcome = 'succeeded';
    if v_call.ended_at + v_settings.provider_expiry <= v_now then
        perform private.raise_error(
            'illegal_state', 'The provider no longer keeps this clip. The credits are back; it has to be made anew.',
            jsonb_build_object('status', v_task.status, 'stage', null)
        );
    end if;

    insert into public.video_generation_history (
        account_id, user_id, status, prompt, negative_prompt, aspect_ratio, resolution, duration, model,
        reference_image_bucket, reference_image_path, request, credit_cost, retry_of, google_video_url, created_at
    ) values (
        v_first.account_id, v_first.user_id, 'downloading', v_first.prompt, v_first.negative_prompt,
        v_first.aspect_ratio, v_first.resolution, v_first.duration, v_first.model, v_first.reference_image_bucket,
        v_first.reference_image_path, v_first.request, 0, v_first.id, v_first.google_video_url, v_now
    ) returning * into v_retry;

    insert into private.video_jobs (
        task_id, account_id, model, stage, due_at, deadline_at, submit_attempt, counts_for_limit
    ) values (
        v_retry.id, v_retry.account_id, v_retry.model, 'transfer', v_now, v_call.ended_at + v_settings.provider_expiry,
        v_call.attempt, false
    );

    insert into private.admin_actions (actor, action, user_id, task_id, details)
    values (
        v_actor, 'retry_download', v_first.user_id, v_first.id, jsonb_build_object('retry', v_retry.id)
    );

    perform private.poke_worker();
    return jsonb_build_object(
        'result', 'applied', 'task_id', v_retry.id, 'retry_of', v_first.id, 'status', v_retry.status
    );
end
$$;

comment on function private.admin_retry_download(uuid) is
'Makes a free task that downloads a made clip again. See public.admin_retry_download.';
revoke all on function private.admin_retry_download(uuid) from public, anon, authenticated, service_role;
grant execute on function private.admin_retry_download(uuid) to authenticated;

create function public.admin_retry_download(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_retry_download(task_id);
end;

comment on function public.admin_retry_download(uuid) is
'Downloads a made clip again, as a new free task: {result, task_id, retry_of, status}.';
revoke all on function public.admin_retry_download(uuid) from public, anon, authenticated, service_role;
grant execute on function public.admin_retry_download(uuid) to authenticated;

-- Stops everything: switches generation off and ends the live tasks of all users (rolled_back, credits back), a batch
-- in each call. Call it until it answers {done: 0, remaining: 0}; an order that was on its way at the first call is
-- found by a later one. What has not been sent to the provider goes first, so that it is not paid for meanwhile.
--
-- A create call in flight is not waited for: its answer comes after the settlement, and is booked, raised as an alert
-- (late_result) and its clip deleted. {done: 0, remaining: n} means that n tasks could not be settled: each has an
-- alert (settlement_failed) that says why.
--
-- Locks the switch, then the accounts of the batch in id order. Raises not_admin, invalid_parameter.
create function private.admin_rollback(p_reason text, p_batch_size integer) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_task_ids uuid[];
    v_task_id uuid;
    v_task public.video_generation_history;
    v_done integer := 0;
    v_answer jsonb;
begin
    perform private.checked_reason(p_reason);
    if p_batch_size not between 1 and 1000 then
        perform private.refuse_parameter(
            'batch_size', '{"minimum": 1, "maximum": 1000}', 'batch_size must be between 1 and 1000.'
        );
    end if;

    perform private.set_config_value('video_generation_enabled', 'false', v_actor, p_reason);

    select array_agg(b.task_id order by b.account_id, b.task_id) into v_task_ids
    from (
        select j.task_id, j.account_id
        from private.video_jobs as j
        order by
            -- Those that could not be settled last: they must not keep the others from their turn.
            exists (
                select
                from private.alerts as a
                where a.kind = 'settlement_failed'
                    and a.subject = j.task_id::text
                    and a.acknowledged_at is null
            ),
            j.stage <> 'submit',
            j.account_id
        limit coalesce(p_batch_size, 100)
    ) as b;

    perform private.lock_accounts_of(v_task_ids);
    foreach v_task_id in array coalesce(v_task_ids, '{}') loop
        v_task := private.lock_task(v_task_id);
        continue when v_task.ended_at is not null; -- Ended by somebody else before we had its account.
        v_done := v_done + private.settle(v_task, 'rolled_back', v_actor)::integer;
    end loop;

    v_answer := jsonb_build_object('done', v_done, 'remaining', (select count(*) from private.video_jobs));
    insert into private.admin_actions (actor, action, details, reason)
    values (v_actor, 'rollback', v_answer, p_reason);
    return v_answer;
end
$$;

comment on function private.admin_rollback(text, integer) is
'Switches generation off and ends live tasks, a batch in each call. See public.admin_rollback.';
revoke all on function private.admin_rollback(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_rollback(text, integer) to authenticated;

create function public.admin_rollback(reason text, batch_size integer default 100) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_rollback(reason, batch_size);
end;

comment on function public.admin_rollback(text, integer) is
'Switches generation off and refunds a batch of what is unfinished: {done, remaining}. Repeat until both are 0.';
revoke all on function public.admin_rollback(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_rollback(text, integer) to authenticated;
