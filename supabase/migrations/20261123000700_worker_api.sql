-- The verbs of the worker.
-- First version: made from sql/schema/70_worker_api, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- The worker's door. Each verb is one autocommit statement without session state, so any pooler mode works, and
-- answers {result, ...} instead of raising:
--
--   applied          the verb did what it says
--   already_applied  it had been done by the same lease or attempt: a lost reply was repeated
--   lease_lost       somebody else holds the job, or the verdict came after the lease had ended; nothing was changed
--   illegal_state    the task is not where this verb applies ({status, stage}; status null: no such task)
--
-- A verdict names the lease token of its claim. What was paid for (record_operation, requeue_submit) is fenced by
-- the number of the attempt instead, so a slow worker still hands it in.
create function worker_api.contract_version() returns integer
language sql
immutable
security invoker
set search_path = ''
as $$
    select 1
$$;

comment on function worker_api.contract_version() is 'Version of the contract between worker and schema.';
revoke all on function worker_api.contract_version() from public, anon, authenticated, service_role;
grant execute on function worker_api.contract_version() to video_worker;

-- Workers that were heard of, and the settings each needs. Also the heartbeat of pg_cron.
create table private.worker_heartbeats (
    worker_id text primary key,
    version text not null,
    status jsonb not null,
    started_at timestamptz not null default private.now(),
    beat_at timestamptz not null default private.now()
);

comment on table private.worker_heartbeats is 'Last sign of life of each worker process, and of pg_cron (pg_cron).';
alter table private.worker_heartbeats enable row level security;
revoke all on table private.worker_heartbeats from public, anon, authenticated, service_role;

create function worker_api.heartbeat(worker_id text, version text, status jsonb) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ($1, $2, coalesce($3, '{}'))
    on conflict (worker_id) do update
    set version = excluded.version, status = excluded.status, beat_at = private.now();

    select jsonb_build_object(
        'result', 'applied',
        'now', private.now(),
        'settings', jsonb_build_object(
            'poll_interval_seconds', extract(epoch from s.poll_interval)::integer,
            'lease_seconds', extract(epoch from s.lease_period)::integer,
            'batch_size', s.batch_size,
            'generation_deadline_seconds', extract(epoch from s.generation_deadline)::integer,
            'download_attempts', s.download_attempts,
            'download_retry_seconds', extract(epoch from s.download_retry)::integer,
            'next_due_in_seconds', (
                select greatest(extract(epoch from min(j.due_at) - private.now()), 0)::numeric(12, 3)
                from private.video_jobs as j
                having count(*) > 0 -- greatest() ignores a null: without a job the answer is null, not 0
            )
        )
    )
    from private.settings as s
$$;

comment on function worker_api.heartbeat(text, text, jsonb) is
'Notes that a worker lives; answers {result, now, settings}.';
revoke all on function worker_api.heartbeat(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.heartbeat(text, text, jsonb) to video_worker;

-- What `worker check` cannot see for itself: the platform's parts around the queue. Reads, and changes nothing.
--
-- {role, contract_version, cron: {is_scheduled, beat_age_seconds}, vault: {has_worker_url, has_worker_token,
-- worker_token_fingerprint}, models: [{id, provider, provider_model, is_available, retires_at}], submit_per_minute}
--
-- The fingerprint tells whether Vault's token is the worker's own, the commonest mistake, without showing it.
create function worker_api.check() returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'role', session_user,
        'contract_version', worker_api.contract_version(),
        'cron', jsonb_build_object(
            'is_scheduled', exists (select from cron.job as j where j.jobname = 'video-tick' and j.active),
            'beat_age_seconds', (
                select extract(epoch from private.now() - h.beat_at)::numeric(12, 1)
                from private.worker_heartbeats as h
                where h.worker_id = 'pg_cron'
            )
        ),
        'vault', (
            select jsonb_build_object(
                'has_worker_url', coalesce(bool_or(v.name = 'worker_url'), false),
                'has_worker_token', coalesce(bool_or(v.name = 'worker_token'), false),
                'worker_token_fingerprint', max(left(encode(sha256(convert_to(v.decrypted_secret, 'utf8')), 'hex'), 12))
                    filter (where v.name = 'worker_token')
            )
            from vault.decrypted_secrets as v
            where v.name in ('worker_url', 'worker_token') and v.decrypted_secret <> ''
        ),
        'models', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'id', m.id,
                        'provider', m.provider,
                        'provider_model', m.provider_model,
                        'is_available', m.paused_at is null and coalesce(m.retires_at > private.now(), true),
                        'retires_at', m.retires_at
                    )
                    order by m.id
                ),
                '[]'
            )
            from public.video_models as m
            where m.is_enabled
        ),
        'submit_per_minute', s.submit_per_minute
    )
    from private.settings as s
$$;

comment on function worker_api.check() is
'What `worker check` has to know about cron, Vault and the models on sale. Read only.';
revoke all on function worker_api.check() from public, anon, authenticated, service_role;
grant execute on function worker_api.check() to video_worker;

-- Hands out due jobs, each under a new lease token. Locks jobs only, and skips what others hold.
--
-- Slots are counted apart, so that slow transfers never keep polls waiting; at most video_batch_size of each kind.
-- An in-flight create call whose worker vanished is handed out as `reconcile`, never as `submit`: it may have been
-- accepted. Transfers go in the order in which their files expire (deadline_at is that time), the rest in the order
-- in which they fell due.
create function private.claim_lane(
    p_worker_id text,
    p_stages text[],
    p_slots integer,
    p_lease_period interval
) returns table (
    task_id uuid,
    stage text,
    lease_token uuid,
    due_at timestamptz,
    submit_attempt integer,
    download_attempt integer,
    deadline_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
begin
    -- Columns by name, not the row type of the table: a worker's session outlives the migration that adds a column.
    return query
    with due as materialized (
        -- Materialized: the planner must not run the limited, locking query more than once.
        select j.task_id
        from private.video_jobs as j
        where j.stage = any (p_stages) and j.due_at <= v_now
        order by case when j.stage = 'transfer' then j.deadline_at else j.due_at end
        limit p_slots
        for update skip locked
    )
    update private.video_jobs as j
    set
        stage = case when j.stage = 'submitting' then 'reconcile' else j.stage end,
        lease_token = gen_random_uuid(),
        leased_by = p_worker_id,
        due_at = v_now + p_lease_period
    from due
    where j.task_id = due.task_id
    returning
        j.task_id, j.stage, j.lease_token, j.due_at, j.submit_attempt, j.download_attempt, j.deadline_at;
end
$$;

comment on function private.claim_lane(text, text[], integer, interval) is
'Leases due jobs of some stages to a worker.';
revoke all on function private.claim_lane(text, text[], integer, interval)
from public, anon, authenticated, service_role;

create function worker_api.claim_jobs(
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
        on c.task_id = j.task_id and c.attempt = j.submit_attempt and j.stage <> 'submit';
end
$$;

comment on function worker_api.claim_jobs(text, integer, integer, integer) is
'Leases due jobs to a worker, at most the given number for each lane. Returns one object for each.';
revoke all on function worker_api.claim_jobs(text, integer, integer, integer)
from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_jobs(text, integer, integer, integer) to video_worker;

-- The lease of a job: judged, extended, given back.

-- Why a verdict does not apply, as the verb's answer; null if the lease holds and the job is in one of the stages.
-- A lease that ran out but was not handed to anybody else still holds: its verdict is worth having. Nobody's lease
-- (null) never does, not even on a job that nobody holds.
create function private.refuse_verdict(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_lease uuid,
    p_stages text[]
) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select case
        when p_task.id is null then jsonb_build_object('result', 'illegal_state', 'status', null)
        when p_job.task_id is null then jsonb_build_object(
            'result', case when p_task.resolving_lease = p_lease then 'already_applied' else 'illegal_state' end,
            'status', p_task.status
        )
        when p_lease is null or p_job.lease_token is distinct from p_lease then jsonb_build_object(
            'result', case when p_job.last_lease = p_lease then 'already_applied' else 'lease_lost' end,
            'status', p_task.status,
            'stage', p_job.stage
        )
        when p_job.stage <> all (p_stages) then jsonb_build_object(
            'result', 'illegal_state', 'status', p_task.status, 'stage', p_job.stage
        )
    end
$$;

comment on function private.refuse_verdict(public.video_generation_history, private.video_jobs, uuid, text[]) is
'The named result of a verdict that does not apply; null if it does.';
revoke all on function private.refuse_verdict(public.video_generation_history, private.video_jobs, uuid, text[])
from public, anon, authenticated, service_role;

-- Ends the lease of a job by a verdict: what is next, and when. p_lease is the lease that gave the verdict: another
-- one that held the job meanwhile must be told that it lost it, not that its verdict was applied already.
create function private.next_stage(
    p_job private.video_jobs,
    p_stage text,
    p_due_at timestamptz,
    p_deadline_at timestamptz,
    p_lease uuid
) returns void
language sql
volatile
security definer
set search_path = ''
as $$
    update private.video_jobs as j
    set
        stage = p_stage,
        due_at = p_due_at,
        deadline_at = p_deadline_at,
        last_lease = p_lease,
        lease_token = null,
        leased_by = null
    where j.task_id = p_job.task_id
$$;

comment on function private.next_stage(private.video_jobs, text, timestamptz, timestamptz, uuid) is
'Ends a job''s lease and says what is next.';
revoke all on function private.next_stage(private.video_jobs, text, timestamptz, timestamptz, uuid)
from public, anon, authenticated, service_role;

create function worker_api.extend_lease(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_due_at timestamptz;
begin
    update private.video_jobs as j
    set due_at = private.now() + s.lease_period
    from private.settings as s
    where j.task_id = extend_lease.task_id and j.lease_token = extend_lease.lease_token
    returning j.due_at into v_due_at;

    if found then
        return jsonb_build_object('result', 'applied', 'lease_expires_at', v_due_at);
    end if;
    if exists (select from private.video_jobs as j where j.task_id = extend_lease.task_id) then
        return jsonb_build_object('result', 'lease_lost');
    end if;
    return jsonb_build_object(
        'result', 'illegal_state',
        'status', (select h.status from public.video_generation_history as h where h.id = extend_lease.task_id)
    );
end
$$;

comment on function worker_api.extend_lease(uuid, uuid) is 'Renews a lease by video_lease_seconds from now.';
revoke all on function worker_api.extend_lease(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.extend_lease(uuid, uuid) to video_worker;

-- A stopping worker gives back what it holds, so that nobody waits for its leases to run out. A create call in
-- flight is not given back: its outcome is not known yet. An attempt at a transfer that was begun is not counted.
create function worker_api.release_leases(worker_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_released integer;
begin
    update private.video_jobs as j
    set
        due_at = private.now(),
        download_attempt = j.download_attempt - case
            when j.stage = 'transfer' and j.attempt_lease = j.lease_token then 1 else 0
        end,
        lease_token = null,
        leased_by = null
    where j.leased_by = release_leases.worker_id and j.stage <> 'submitting';
    get diagnostics v_released = row_count;

    update private.file_jobs as f
    set due_at = private.now(), lease_token = null, leased_by = null
    where f.leased_by = release_leases.worker_id;

    return jsonb_build_object('result', 'applied', 'released', v_released);
end
$$;

comment on function worker_api.release_leases(text) is 'Gives back every job a stopping worker holds.';
revoke all on function worker_api.release_leases(text) from public, anon, authenticated, service_role;
grant execute on function worker_api.release_leases(text) to video_worker;

-- The commit point before a paid call: raises the attempt, writes the provider call, books the day's USD.
--
-- After {result: 'applied', submit: true} the worker calls the provider exactly once. {submit: false, reason} means
-- that the database put the job back (throttled, with retry_at) or ended the task (spend_cap, model_unavailable,
-- submit_deadline). Repeating the verb under the same lease answers already_applied with the same attempt, so a
-- lost reply does not lose the attempt.
--
-- The cap holds under any concurrency: one conditional UPDATE of the day's row decides. Locks the account, the task,
-- the job, then the model's brake and the day.
create function worker_api.begin_submit(task_id uuid, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(begin_submit.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_option private.current_options;
    v_now timestamptz := private.now();
    v_day date := (v_now at time zone 'utc')::date;
    v_retry_at timestamptz;
    v_refused jsonb;
begin
    select * into v_job from private.video_jobs as j where j.task_id = begin_submit.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, begin_submit.lease_token, '{submit,submitting}');
    if v_refused is not null then
        return v_refused;
    end if;
    if v_job.stage = 'submitting' then
        return private.submit_answer('already_applied', v_job);
    end if;

    select * into v_settings from private.settings;
    select * into v_option
    from private.current_options as o
    where o.model = v_task.model and o.resolution = v_task.resolution and o.duration = v_task.duration;

    if v_now > v_job.deadline_at then
        perform private.end_task(
            v_task, 'failed', case when v_job.refusals > 0 then 'provider_quota' else 'timeout' end, 'worker',
            begin_submit.lease_token
        );
        return '{"result": "applied", "submit": false, "reason": "submit_deadline", "retry_at": null}'::jsonb;
    end if;
    if not coalesce(v_option.is_available, false) then
        perform private.end_task(v_task, 'failed', 'model_retired', 'worker', begin_submit.lease_token);
        return '{"result": "applied", "submit": false, "reason": "model_unavailable", "retry_at": null}'::jsonb;
    end if;

    v_retry_at := private.take_submit_slot(v_task.model, v_now, v_settings.submit_per_minute);
    if v_retry_at is not null then
        perform private.next_stage(v_job, 'submit', v_retry_at, v_job.deadline_at, begin_submit.lease_token);
        return jsonb_build_object('result', 'applied', 'submit', false, 'reason', 'throttled', 'retry_at', v_retry_at);
    end if;

    if not private.reserve_spend(v_day, v_option.usd, v_settings.daily_spend_cap_usd) then
        perform private.end_task(v_task, 'failed', 'spend_cap', 'worker', begin_submit.lease_token);
        perform private.raise_alert(
            'spend_cap_reached', 'critical', v_day::text,
            jsonb_build_object('cap_usd', v_settings.daily_spend_cap_usd)
        );
        return '{"result": "applied", "submit": false, "reason": "spend_cap", "retry_at": null}'::jsonb;
    end if;

    update private.video_jobs as j
    set
        stage = 'submitting',
        submit_attempt = j.submit_attempt + 1,
        attempt_lease = j.lease_token,
        due_at = v_now + v_settings.lease_period,
        deadline_at = v_now + v_settings.reconcile_period
    where j.task_id = v_job.task_id
    returning * into v_job;

    insert into private.provider_calls (
        task_id, attempt, model, provider, provider_model, output_prefix, usd, day
    ) values (
        v_job.task_id, v_job.submit_attempt, v_task.model, v_option.provider, v_option.provider_model,
        v_job.task_id || '/' || v_job.submit_attempt || '/', v_option.usd, v_day
    );

    return private.submit_answer('applied', v_job);
end
$$;

comment on function worker_api.begin_submit(uuid, uuid) is
'Commit point before a paid call. {result, submit: true, submit_attempt, output_prefix} or {submit: false, reason}.';
revoke all on function worker_api.begin_submit(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.begin_submit(uuid, uuid) to video_worker;

create function private.submit_answer(p_result text, p_job private.video_jobs) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_build_object(
        'result', p_result,
        'submit', true,
        'submit_attempt', p_job.submit_attempt,
        'output_prefix', p_job.task_id || '/' || p_job.submit_attempt || '/'
    )
$$;

comment on function private.submit_answer(text, private.video_jobs) is
'The answer of begin_submit that lets a call go.';
revoke all on function private.submit_answer(text, private.video_jobs) from public, anon, authenticated, service_role;

-- Takes one of the model's create calls of this minute. Null if it got one, else when to come back: after the pause
-- that a refusing provider asked for, or spread over the next minute.
create function private.take_submit_slot(p_model text, p_now timestamptz, p_per_minute integer) returns timestamptz
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_brake private.model_brakes;
begin
    insert into private.model_brakes as b (model, minute, submitted)
    values (p_model, date_trunc('minute', p_now), 1)
    on conflict (model) do update
    set
        minute = greatest(b.minute, excluded.minute),
        submitted = case when b.minute < excluded.minute then 1 else b.submitted + 1 end
    where (b.paused_until is null or b.paused_until <= p_now)
        and (b.minute < excluded.minute or b.submitted < p_per_minute);

    if found then
        return null;
    end if;

    select * into strict v_brake from private.model_brakes as b where b.model = p_model;
    return case
        when v_brake.paused_until > p_now then v_brake.paused_until
        else date_trunc('minute', p_now) + interval '1 minute'
    end + random() * interval '5 seconds';
end
$$;

comment on function private.take_submit_slot(text, timestamptz, integer) is
'Takes one create call of a model''s minute; null if it got one, else when to try again.';
revoke all on function private.take_submit_slot(text, timestamptz, integer)
from public, anon, authenticated, service_role;

-- Books USD for a day unless that would pass the cap. One conditional statement: whoever comes second waits for the
-- row and sees what the first one left.
create function private.reserve_spend(p_day date, p_usd numeric, p_cap numeric) returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    if p_usd > p_cap then
        return false;
    end if;

    insert into private.daily_spend as d (day, usd)
    values (p_day, p_usd)
    on conflict (day) do update
    set usd = d.usd + excluded.usd
    where p_cap is null or d.usd + excluded.usd <= p_cap;

    return found;
end
$$;

comment on function private.reserve_spend(date, numeric, numeric) is
'Books USD for a day; false if the cap forbids it.';
revoke all on function private.reserve_spend(date, numeric, numeric) from public, anon, authenticated, service_role;

-- Hands in the operation the provider accepted. Fenced by the attempt, not by the lease: it was paid for, so it is
-- taken from a slow worker too, and never lost. After the task has ended it is booked as late, raised as an alert,
-- and its clip deleted.
create function worker_api.record_operation(task_id uuid, submit_attempt integer, operation_id text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(record_operation.task_id);
    v_job private.video_jobs;
    v_call private.provider_calls;
    v_settings private.settings;
    v_now timestamptz := private.now();
begin
    select * into v_job from private.video_jobs as j where j.task_id = record_operation.task_id for update;
    select * into v_call
    from private.provider_calls as c
    where c.task_id = record_operation.task_id and c.attempt = record_operation.submit_attempt
    for update;

    if v_call.task_id is null or coalesce(record_operation.operation_id, '') = '' then
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if v_call.operation_id = record_operation.operation_id then
        return jsonb_build_object('result', 'already_applied', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if v_call.operation_id is not null
        or exists (select from private.provider_calls as c where c.operation_id = record_operation.operation_id)
    then
        -- Its clip was adopted before its name was known, or the name is taken: kept for the books.
        update private.provider_calls as c
        set detail = c.detail || jsonb_build_object('further_operation_id', record_operation.operation_id)
        where c.task_id = v_call.task_id and c.attempt = v_call.attempt;
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    update private.provider_calls as c
    set operation_id = record_operation.operation_id
    where c.task_id = v_call.task_id and c.attempt = v_call.attempt;

    select * into v_settings from private.settings;

    if v_job.task_id is null
        or v_job.submit_attempt <> record_operation.submit_attempt
        or v_job.stage not in ('submitting', 'reconcile')
    then
        perform private.book_late_call(v_call);
        perform private.raise_alert(
            'late_result', 'warning', v_call.task_id::text,
            jsonb_build_object('attempt', v_call.attempt, 'operation_id', record_operation.operation_id)
        );
        insert into private.file_jobs (kind, path, due_at)
        values ('delete_google', v_call.output_prefix, v_now + v_settings.generation_deadline);
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    perform private.book_call(v_call.task_id, v_call.attempt, 'accepted', true);

    update public.video_generation_history as h
    set operation_id = record_operation.operation_id, status = 'processing'
    where h.id = v_task.id;

    perform private.next_stage(
        v_job, 'poll', v_now + v_settings.poll_interval, v_now + v_settings.generation_deadline, v_job.attempt_lease
    );
    return jsonb_build_object('result', 'applied', 'status', 'processing');
end
$$;

comment on function worker_api.record_operation(uuid, integer, text) is
'Hands in the provider''s operation id of an attempt. Fenced by the attempt; never lost.';
revoke all on function worker_api.record_operation(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function worker_api.record_operation(uuid, integer, text) to video_worker;

-- A call that was given up turns out to be accepted. Where its USD had been given back to its day, they are booked
-- again: the cap cannot refuse what is spent already.
create function private.book_late_call(p_call private.provider_calls) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_usd numeric;
begin
    perform private.book_call(p_call.task_id, p_call.attempt, 'late', true);

    if p_call.usd = 0 then
        select h.duration * o.usd_per_second into v_usd
        from public.video_generation_history as h
        inner join public.video_model_options as o
            on o.model = h.model and o.resolution = h.resolution and o.duration = h.duration
        where h.id = p_call.task_id and o.valid_from <= p_call.created_at
        order by o.valid_from desc
        limit 1;

        if found then
            update private.provider_calls as c
            set usd = v_usd
            where c.task_id = p_call.task_id and c.attempt = p_call.attempt;
            perform private.reserve_spend(p_call.day, v_usd, null);
        end if;
    end if;
end
$$;

comment on function private.book_late_call(private.provider_calls) is
'Books a call that had been given up and was accepted after all, with its USD.';
revoke all on function private.book_late_call(private.provider_calls) from public, anon, authenticated, service_role;

-- A create call that brought no operation. Fenced by the attempt.
--
--   refused   surely not accepted (429, 503): back to the queue with backoff and jitter, and a brake on the model
--             that all workers share; past the submit deadline the task fails with provider_quota
--   unknown   time-out, dropped connection, 5xx: never sent again; the job turns to looking for its clip
create function worker_api.requeue_submit(
    task_id uuid,
    submit_attempt integer,
    outcome text,
    detail jsonb,
    retry_after_seconds numeric
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(requeue_submit.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_now timestamptz := private.now();
    v_submit_deadline timestamptz;
    v_pause interval;
begin
    select * into v_job from private.video_jobs as j where j.task_id = requeue_submit.task_id for update;

    if exists (
        select
        from private.provider_calls as c
        where c.task_id = requeue_submit.task_id
            and c.attempt = requeue_submit.submit_attempt
            and c.outcome = requeue_submit.outcome
    ) then
        return jsonb_build_object('result', 'already_applied', 'status', v_task.status, 'stage', v_job.stage);
    end if;
    if coalesce(requeue_submit.outcome not in ('refused', 'unknown'), true)
        or v_job.task_id is null
        or v_job.submit_attempt is distinct from requeue_submit.submit_attempt
        or v_job.stage not in ('submitting', 'reconcile')
    then
        return jsonb_build_object('result', 'illegal_state', 'status', v_task.status, 'stage', v_job.stage);
    end if;

    select * into v_settings from private.settings;

    if requeue_submit.outcome = 'unknown' then
        perform private.book_call(v_job.task_id, v_job.submit_attempt, 'unknown', true, requeue_submit.detail);
        if v_job.stage = 'submitting' then
            perform private.next_stage(
                v_job, 'reconcile', v_now + v_settings.poll_interval, v_now + v_settings.reconcile_period,
                v_job.attempt_lease
            );
        end if;
        return jsonb_build_object(
            'result', 'applied', 'status', v_task.status, 'retry_at', v_now + v_settings.poll_interval
        );
    end if;

    -- The pause doubles with each refusal of this task; jitter keeps tasks that were refused together apart.
    v_pause := greatest(
        least(
            v_settings.submit_backoff_seconds * power(2, least(v_job.refusals, 20)),
            v_settings.submit_backoff_max_seconds
        ) * (0.5 + random() / 2),
        coalesce(requeue_submit.retry_after_seconds, 0)
    ) * interval '1 second';
    v_submit_deadline := v_task.created_at + v_settings.submit_deadline;

    insert into private.model_brakes as b (model, minute, paused_until)
    values (v_task.model, date_trunc('minute', v_now), v_now + v_pause)
    on conflict (model) do update
    set paused_until = greatest(b.paused_until, excluded.paused_until);

    -- After the brake: begin_submit locks it before the day, too.
    perform private.book_call(v_job.task_id, v_job.submit_attempt, 'refused', false, requeue_submit.detail);

    if v_now + v_pause > v_submit_deadline then
        perform private.end_task(
            v_task, 'failed', 'provider_quota', 'worker', v_job.attempt_lease, requeue_submit.detail
        );
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    update private.video_jobs as j
    set refusals = j.refusals + 1, last_refusal = requeue_submit.detail ->> 'code'
    where j.task_id = v_job.task_id;
    perform private.next_stage(v_job, 'submit', v_now + v_pause, v_submit_deadline, v_job.attempt_lease);
    return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_now + v_pause);
end
$$;

comment on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric) is
'A create call was refused, or its outcome is unknown. {result, status, retry_at}.';
revoke all on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric)
from public, anon, authenticated, service_role;
grant execute on function worker_api.requeue_submit(uuid, integer, text, jsonb, numeric) to video_worker;

-- What a poll, or a look for a lost clip, brought.
--
--   running      not finished yet
--   unavailable  the provider did not answer: not a verdict
--   missing      (reconcile) the attempt's output prefix is still empty
--   succeeded    the clip is made: detail {google_video_url, operation_id}; also adopts a lost one
--   retryable    the provider failed inside: a further attempt, at most video_submit_attempts
--
-- Past its deadline the task fails: timeout, or submission_unknown while reconciling.
create function worker_api.record_poll(task_id uuid, lease_token uuid, outcome text, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(record_poll.task_id);
    v_job private.video_jobs;
    v_settings private.settings;
    v_refused jsonb;
    v_now timestamptz := private.now();
    v_due_at timestamptz;
begin
    select * into v_job from private.video_jobs as j where j.task_id = record_poll.task_id for update;
    v_refused := private.refuse_verdict(
        v_task, v_job, record_poll.lease_token,
        case record_poll.outcome
            when 'missing' then '{reconcile}'::text[]
            when 'retryable' then '{poll}'
            when 'running' then '{poll}'
            when 'unavailable' then '{poll,reconcile}'
            when 'succeeded' then '{poll,reconcile}'
            else '{}'
        end
    );
    if v_refused is not null then
        return v_refused;
    end if;

    select * into v_settings from private.settings;

    if record_poll.outcome = 'succeeded' then
        return private.start_transfer(v_task, v_job, record_poll.detail);
    end if;
    if record_poll.outcome = 'retryable' then
        return private.generate_again(v_task, v_job, record_poll.detail);
    end if;

    if v_now > v_job.deadline_at then
        perform private.end_task(
            v_task, 'failed', case v_job.stage when 'reconcile' then 'submission_unknown' else 'timeout' end, 'worker',
            record_poll.lease_token, record_poll.detail
        );
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    v_due_at := v_now + v_settings.poll_interval;
    perform private.next_stage(v_job, v_job.stage, v_due_at, v_job.deadline_at, record_poll.lease_token);
    return jsonb_build_object('result', 'applied', 'status', v_task.status, 'retry_at', v_due_at);
end
$$;

comment on function worker_api.record_poll(uuid, uuid, text, jsonb) is
'What a poll brought: running, unavailable, missing, succeeded or retryable. {result, status, retry_at}.';
revoke all on function worker_api.record_poll(uuid, uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.record_poll(uuid, uuid, text, jsonb) to video_worker;

-- The clip is made: on to its transfer. A clip found under the prefix of a lost create call is adopted; without the
-- provider's own name for it, its prefix serves as the operation id.
create function private.start_transfer(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_detail jsonb
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_url text := p_detail ->> 'google_video_url';
    v_expires_at timestamptz;
    v_operation_id text := coalesce(
        p_detail ->> 'operation_id', 'adopted:' || p_job.task_id || '/' || p_job.submit_attempt || '/'
    );
begin
    if coalesce(v_url, '') = '' then
        return jsonb_build_object('result', 'illegal_state', 'status', p_task.status, 'stage', p_job.stage);
    end if;

    if p_job.stage = 'reconcile' then
        update private.provider_calls as c
        set operation_id = v_operation_id
        where c.task_id = p_job.task_id and c.attempt = p_job.submit_attempt;

        update public.video_generation_history as h
        set status = 'processing', operation_id = v_operation_id
        where h.id = p_task.id;
    end if;

    update public.video_generation_history as h
    set status = 'downloading', google_video_url = v_url
    where h.id = p_task.id;

    perform private.book_call(p_job.task_id, p_job.submit_attempt, 'succeeded', true, p_detail);

    select v_now + s.provider_expiry into v_expires_at from private.settings as s;
    perform private.next_stage(p_job, 'transfer', v_now, v_expires_at, p_job.lease_token);
    return jsonb_build_object('result', 'applied', 'status', 'downloading', 'retry_at', v_now);
end
$$;

comment on function private.start_transfer(public.video_generation_history, private.video_jobs, jsonb) is
'Moves a task whose clip is made to its transfer.';
revoke all on function private.start_transfer(public.video_generation_history, private.video_jobs, jsonb)
from public, anon, authenticated, service_role;

-- The provider failed inside: another attempt, or the end after video_submit_attempts of them.
create function private.generate_again(
    p_task public.video_generation_history,
    p_job private.video_jobs,
    p_detail jsonb
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_settings private.settings;
    v_failed integer;
    v_now timestamptz := private.now();
    v_due_at timestamptz;
begin
    select * into v_settings from private.settings;
    select count(*)::integer + 1 into v_failed
    from private.provider_calls as c
    where c.task_id = p_task.id and c.outcome = 'failed';

    if v_failed >= v_settings.submit_attempts then
        perform private.end_task(p_task, 'failed', 'provider_error', 'worker', p_job.lease_token, p_detail);
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
    end if;

    perform private.book_call(p_job.task_id, p_job.submit_attempt, 'failed', false, p_detail);
    v_due_at := v_now + v_settings.submit_backoff_seconds * interval '1 second';
    perform private.next_stage(p_job, 'submit', v_due_at, v_now + v_settings.submit_deadline, p_job.lease_token);
    return jsonb_build_object('result', 'applied', 'status', p_task.status, 'retry_at', v_due_at);
end
$$;

comment on function private.generate_again(public.video_generation_history, private.video_jobs, jsonb) is
'Starts a further attempt after the provider failed inside, or ends the task.';
revoke all on function private.generate_again(public.video_generation_history, private.video_jobs, jsonb)
from public, anon, authenticated, service_role;

-- Moving a finished clip into Storage.

-- Counts an attempt at the transfer before it begins, so that a clip that kills its workers does not do so for ever.
-- Repeating the verb under the same lease answers already_applied with the same attempt.
create function worker_api.begin_transfer(task_id uuid, lease_token uuid) returns jsonb
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
        perform private.fail_transfer(v_task, 'download_failed', begin_transfer.lease_token, '{}');
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
revoke all on function worker_api.begin_transfer(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.begin_transfer(uuid, uuid) to video_worker;

create function private.fail_transfer(
    p_task public.video_generation_history,
    p_error_code text,
    p_lease uuid,
    p_detail jsonb
) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform private.end_task(p_task, 'failed', p_error_code, 'worker', p_lease, p_detail);
    perform private.raise_alert(
        p_error_code, 'critical', p_task.id::text,
        jsonb_build_object('google_video_url', p_task.google_video_url, 'detail', p_detail)
    );
end
$$;

comment on function private.fail_transfer(public.video_generation_history, text, uuid, jsonb) is
'Ends a task whose clip was made and could not be saved: refund and alert.';
revoke all on function private.fail_transfer(public.video_generation_history, text, uuid, jsonb)
from public, anon, authenticated, service_role;

-- The file is in Storage: the task is complete. video: {size_bytes, sha256, width, height, duration_seconds,
-- thumbnail_path}. The provider's copy is queued for deletion. Raises check_violation for a file that cannot be.
create function worker_api.complete_video(task_id uuid, lease_token uuid, video jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history := private.lock_task(complete_video.task_id);
    v_job private.video_jobs;
    v_refused jsonb;
    v_now timestamptz := private.now();
begin
    select * into v_job from private.video_jobs as j where j.task_id = complete_video.task_id for update;
    v_refused := private.refuse_verdict(v_task, v_job, complete_video.lease_token, '{transfer}');
    if v_refused is not null then
        return v_refused;
    end if;

    update public.video_generation_history as h
    set
        status = 'completed',
        permanent_video_url = 'videos/' || h.user_id || '/' || h.id || '.mp4',
        thumbnail_url = 'videos/' || (complete_video.video ->> 'thumbnail_path'),
        file_size_bytes = (complete_video.video ->> 'size_bytes')::bigint,
        sha256 = complete_video.video ->> 'sha256',
        width = (complete_video.video ->> 'width')::integer,
        height = (complete_video.video ->> 'height')::integer,
        video_duration = (complete_video.video ->> 'duration_seconds')::numeric,
        resolving_lease = complete_video.lease_token,
        completed_at = v_now,
        downloaded_at = v_now,
        ended_at = v_now
    where h.id = v_task.id;

    delete from private.video_jobs as j where j.task_id = v_task.id;

    insert into private.file_jobs (kind, path)
    select 'delete_google', c.output_prefix
    from private.provider_calls as c
    where c.task_id = coalesce(v_task.retry_of, v_task.id) and c.outcome not in ('refused', 'rejected');

    return jsonb_build_object('result', 'applied', 'status', 'completed');
end
$$;

comment on function worker_api.complete_video(uuid, uuid, jsonb) is 'The file is stored: completes the task.';
revoke all on function worker_api.complete_video(uuid, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_video(uuid, uuid, jsonb) to video_worker;

-- The worker's verdict that a task cannot succeed: refund. For download_failed the database decides: another attempt
-- in video_download_retry_seconds while there are any left. A retired model is paused, for all, with an alert.
create function worker_api.fail_video(task_id uuid, lease_token uuid, error_code text, detail jsonb) returns jsonb
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

        perform private.fail_transfer(v_task, fail_video.error_code, fail_video.lease_token, fail_video.detail);
        return jsonb_build_object('result', 'applied', 'status', 'failed', 'retry_at', null);
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
revoke all on function worker_api.fail_video(uuid, uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.fail_video(uuid, uuid, text, jsonb) to video_worker;

-- Files to delete. A job is gone when done; a failed one comes back later, and from its tenth failure on is an alert.
--
-- {file_job_id, kind, bucket, path, lease_token, provider, operation_id}. For delete_google the last two are those of
-- the call with this output prefix, as they are now: an operation that was handed in late is known here. Null if none.
create function worker_api.claim_file_jobs(worker_id text, slots integer) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with due as materialized (
        select f.id, f.kind, f.path
        from private.file_jobs as f
        where f.due_at <= v_now
        order by f.due_at
        limit least(greatest(slots, 0), v_settings.batch_size)
        for update skip locked
    )
    update private.file_jobs as f
    set lease_token = gen_random_uuid(), leased_by = worker_id, due_at = v_now + v_settings.lease_period
    from due
    left join private.provider_calls as c on due.kind = 'delete_google' and c.output_prefix = due.path
    where f.id = due.id
    returning jsonb_build_object(
        'file_job_id', f.id, 'kind', f.kind, 'bucket', f.bucket, 'path', f.path, 'lease_token', f.lease_token,
        'provider', c.provider, 'operation_id', c.operation_id
    );
end
$$;

comment on function worker_api.claim_file_jobs(text, integer) is 'Leases files to delete to a worker.';
revoke all on function worker_api.claim_file_jobs(text, integer) from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_file_jobs(text, integer) to video_worker;

create function worker_api.complete_file_job(file_job_id bigint, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from private.file_jobs as f
    where f.id = complete_file_job.file_job_id and f.lease_token = complete_file_job.lease_token;
    if found then
        return '{"result": "applied"}'::jsonb;
    end if;
    if exists (select from private.file_jobs as f where f.id = complete_file_job.file_job_id) then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    return '{"result": "already_applied"}'::jsonb;
end
$$;

comment on function worker_api.complete_file_job(bigint, uuid) is 'The file is gone: so is its job.';
revoke all on function worker_api.complete_file_job(bigint, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_file_job(bigint, uuid) to video_worker;

create function worker_api.fail_file_job(file_job_id bigint, lease_token uuid, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_job private.file_jobs;
begin
    update private.file_jobs as f
    set
        attempts = f.attempts + 1,
        last_error = fail_file_job.detail::text,
        lease_token = null,
        leased_by = null,
        due_at = private.now() + least(power(2, least(f.attempts, 12)) * 30, 3600) * interval '1 second'
    where f.id = fail_file_job.file_job_id and f.lease_token = fail_file_job.lease_token
    returning * into v_job;

    if v_job.id is null then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    if v_job.attempts >= 10 then
        perform private.raise_alert(
            'file_job_stuck', 'warning', v_job.id::text, to_jsonb(v_job) - 'lease_token'
        );
    end if;
    return jsonb_build_object('result', 'applied', 'retry_at', v_job.due_at);
end
$$;

comment on function worker_api.fail_file_job(bigint, uuid, jsonb) is
'The file could not be deleted: tries again later.';
revoke all on function worker_api.fail_file_job(bigint, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.fail_file_job(bigint, uuid, jsonb) to video_worker;
