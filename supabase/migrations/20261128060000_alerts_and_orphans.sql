-- What an operator must know becomes an alert, what nobody owns is deleted, and a few ways to lose time are closed:
--
--   * conditions that last (silent workers, late queue, spend, expiry, retirement, unchecked prices) are looked for
--     each minute; a worker's heartbeat notices that pg_cron is silent; administrators list and acknowledge alerts
--   * files without an owner are queued for deletion, and nothing a provider said outlives the user
--   * a further attempt has its own time to be accepted; a worker hands back what it cannot begin
--   * a default model that there is not, and the loss of a configuration key, are refused
set lock_timeout = '5s';
set statement_timeout = '60s';

insert into private.error_codes (code, http_status, meaning) values
('alert_not_found', 404, 'There is no such alert.');

-- squawk-ignore require-concurrent-index-creation
create index alerts_by_subject on private.alerts (kind, subject, id desc);

-- An alert for something that lasts, and is seen again and again. It stays one, also once it is acknowledged: it opens
-- anew only when it has been away for an hour.
create function private.note_condition(
    p_kind text,
    p_severity text,
    p_subject text,
    p_details jsonb
) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    update private.alerts as a
    set
        occurrences = a.occurrences + 1,
        last_seen_at = private.now(),
        details = p_details
    where a.id = (
        select b.id
        from private.alerts as b
        where b.kind = p_kind
            and b.subject = p_subject
            and b.last_seen_at > private.now() - interval '1 hour'
        order by b.id desc
        limit 1
    );
    if not found then
        perform private.raise_alert(p_kind, p_severity, p_subject, p_details);
    end if;
end
$$;

comment on function private.note_condition(text, text, text, jsonb) is
'Raises an alert for something that lasts: one row, also after it was acknowledged.';
revoke all on function private.note_condition(text, text, text, jsonb)
from public, anon, authenticated, service_role;

create or replace function private.record_config_change() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := coalesce(
        nullif(current_setting('reelbase.actor', true), ''),
        'role:' || coalesce(auth.role(), session_user)
    );
begin
    if coalesce(new.value_type, old.value_type) is null then
        return coalesce(new, old);
    end if;
    if tg_op = 'DELETE' or (old.value_type is not null and (new.key <> old.key or new.value_type is null)) then
        raise exception using
            errcode = 'restrict_violation',
            message = format('the configuration key %s cannot be taken away', old.key),
            hint = 'Change its value.';
    end if;
    if tg_op = 'UPDATE' and new.value = old.value then
        return new;
    end if;
    if new.key = 'video_default_model'
        and jsonb_typeof(new.value) = 'string' -- Anything else the constraint refuses.
        and not exists (select from public.video_models as m where m.id = new.value #>> '{}')
    then
        raise exception using
            errcode = 'check_violation',
            constraint = 'default_model_exists',
            message = format('there is no model %s', new.value);
    end if;

    insert into private.system_config_changes (key, old_value, new_value, changed_by, reason)
    values (
        new.key,
        case when tg_op = 'UPDATE' then old.value end,
        new.value,
        v_actor,
        nullif(current_setting('reelbase.reason', true), '')
    );

    new.updated_at := private.now();
    new.updated_by := v_actor;
    return new;
end
$$;

comment on function private.record_config_change() is 'Trigger: stamps a configuration change and keeps its history.';

-- What happens to a person's tasks, files and money when his user is deleted, hard or soft, also while he generates.
--
-- Locks the account, ends live tasks (user_deleted, credits back), blanks what is personal and queues the files.
-- The ledger and the cost of provider calls stay, without the person.
create or replace function private.forget_user(p_user_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account_id uuid;
    v_task public.video_generation_history;
begin
    -- Without an account there are no tasks; images and files may be there all the same.
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = p_user_id for update;

    perform private.forget_showcase(p_user_id);

    for v_task in
        select * from public.video_generation_history as h
        where h.account_id = v_account_id and h.ended_at is null
        order by h.id
        for update
    loop
        perform private.end_task(v_task, 'failed', 'user_deleted', 'system');
    end loop;

    update public.video_generation_history as h
    set
        user_id = null,
        prompt = null,
        negative_prompt = null,
        reference_image_bucket = null,
        reference_image_path = null,
        request = '{}',
        permanent_video_url = null,
        thumbnail_url = null,
        deleted_at = coalesce(h.deleted_at, private.now())
    where h.account_id = v_account_id;

    -- Recorded images may lie in buckets of the host application.
    insert into private.file_jobs (kind, bucket, path)
    select 'delete', i.bucket, i.path
    from public.image_generation_history as i
    where i.user_id = p_user_id and i.deleted_at is null and i.bucket <> 'reference-images';

    update public.image_generation_history as i
    set user_id = null, prompt = null, path = i.id::text, deleted_at = coalesce(i.deleted_at, private.now())
    where i.user_id = p_user_id;

    update public.prompt_optimizations as p
    set user_id = null, original_prompt = null, prompt = null, negative_prompt = null
    where p.user_id = p_user_id;
    -- What the provider said may quote the prompt. The calls and their cost stay.
    update private.provider_calls as c
    set detail = '{}'
    where c.task_id in (select h.id from public.video_generation_history as h where h.account_id = v_account_id);
    update private.alerts as l
    set details = '{}'
    where l.subject in (select h.id::text from public.video_generation_history as h where h.account_id = v_account_id);

    insert into private.file_jobs (kind, bucket, path)
    select 'delete', o.bucket_id, o.name
    from storage.objects as o
    where o.bucket_id in ('videos', 'reference-images')
        and o.name like p_user_id || '/%';

    update public.credit_accounts as a set user_id = null where a.id = v_account_id;
    delete from public.profiles as p where p.id = p_user_id and not private.is_adopted('profiles');
end
$$;

comment on function private.forget_user(uuid) is
'Settles a deleted user''s live tasks, blanks his content, queues his files; the ledger stays.';

create or replace function worker_api.heartbeat(worker_id text, version text, status jsonb) returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    insert into private.worker_heartbeats as h (worker_id, version, status)
    values ($1, $2, coalesce($3, '{}'))
    on conflict (worker_id) do update
    set version = excluded.version, status = excluded.status, beat_at = private.now();

    -- pg_cron cannot say that it is silent. A worker that has been there long enough to know can.
    select private.note_condition(
        'cron_silent', 'critical', 'pg_cron', jsonb_build_object('last_beat_at', c.beat_at)
    )
    from private.settings as s
    inner join private.worker_heartbeats as w on w.worker_id = $1
    left join private.worker_heartbeats as c on c.worker_id = 'pg_cron'
    where greatest(w.started_at, c.beat_at) < private.now() - 3 * s.lease_period;

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

create function worker_api.postpone_job(task_id uuid, lease_token uuid, seconds numeric) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_due_at timestamptz;
begin
    update private.video_jobs as j
    set
        due_at = private.now() + least(greatest(coalesce(postpone_job.seconds, 0), 0), 3600) * interval '1 second',
        last_lease = j.lease_token,
        lease_token = null,
        leased_by = null
    where j.task_id = postpone_job.task_id
        and j.lease_token = postpone_job.lease_token
        and j.stage <> 'submitting'
    returning j.due_at into v_due_at;

    if found then
        return jsonb_build_object('result', 'applied', 'retry_at', v_due_at);
    end if;
    return private.refuse_verdict(
        (select h from public.video_generation_history as h where h.id = postpone_job.task_id),
        (select j from private.video_jobs as j where j.task_id = postpone_job.task_id),
        postpone_job.lease_token,
        '{}' -- The job in whatever stage: why it was not applied is all that is asked.
    );
end
$$;

comment on function worker_api.postpone_job(uuid, uuid, numeric) is
'Gives a job back that cannot be begun now; it is due again in some seconds. {result, retry_at}.';
revoke all on function worker_api.postpone_job(uuid, uuid, numeric) from public, anon, authenticated, service_role;
grant execute on function worker_api.postpone_job(uuid, uuid, numeric) to video_worker;

-- A create call that brought no operation. Fenced by the attempt.
--
--   refused   surely not accepted (429, 503): back to the queue with backoff and jitter, and a brake on the model
--             that all workers share; past the submit deadline the task fails with provider_quota
--   unknown   time-out, dropped connection, 5xx: never sent again; the job turns to looking for its clip
create or replace function worker_api.requeue_submit(
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
    -- A further attempt after a failed one has its own time.
    select coalesce(max(c.ended_at), v_task.created_at) + v_settings.submit_deadline into v_submit_deadline
    from private.provider_calls as c
    where c.task_id = v_task.id and c.outcome = 'failed';

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

-- What an operator must look at, newest first: {items, next_cursor}. Those that are acknowledged only if asked for.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_alerts(
    p_severity text,
    p_include_acknowledged boolean,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_page_size integer;
    v_before bigint;
    v_page private.alerts[];
begin
    perform private.require_admin();
    if p_severity not in ('info', 'warning', 'critical') then
        perform private.refuse_parameter(
            'severity', '["info", "warning", "critical"]', 'severity must be info, warning or critical.'
        );
    end if;
    v_page_size := private.checked_page_size(p_page_size);
    v_before := (private.decode_place(p_cursor, 'alerts')).value;

    select array_agg(p.a order by (p.a).id desc) into v_page
    from (
        select a
        from private.alerts as a
        where (p_severity is null or a.severity = p_severity)
            and (a.acknowledged_at is null or coalesce(p_include_acknowledged, false))
            and a.id < coalesce(v_before, 9223372036854775807)
        order by a.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (select jsonb_agg(to_jsonb(a) order by a.id desc) from unnest(v_page[1:v_page_size]) as a), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then private.encode_place('alerts', (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_alerts(text, boolean, text, integer) is 'A page of alerts.';
revoke all on function private.admin_list_alerts(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_alerts(text, boolean, text, integer) to authenticated;

create function public.admin_list_alerts(
    severity text default null,
    include_acknowledged boolean default false,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_alerts(severity, include_acknowledged, cursor, page_size);
end;

comment on function public.admin_list_alerts(text, boolean, text, integer) is
'What an operator must look at, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_alerts(text, boolean, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_alerts(text, boolean, text, integer) to authenticated;

-- Somebody has seen it: the alert, as it is then. Repeating it is fine, and leaves the first name in place. What
-- happens again afterwards is a new alert; what lasts stays this one. Raises not_admin, alert_not_found.
create function private.admin_acknowledge_alert(p_alert_id bigint) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_alert private.alerts;
begin
    select * into v_alert from private.alerts as a where a.id = p_alert_id for update;
    if not found then
        perform private.raise_error('alert_not_found', 'There is no such alert.');
    end if;

    if v_alert.acknowledged_at is null then
        update private.alerts as a
        set acknowledged_at = private.now(), acknowledged_by = v_actor
        where a.id = p_alert_id
        returning * into v_alert;

        insert into private.admin_actions (actor, action, details)
        values (
            v_actor, 'acknowledge_alert',
            jsonb_build_object('alert', v_alert.id, 'kind', v_alert.kind, 'subject', v_alert.subject)
        );
    end if;
    return to_jsonb(v_alert);
end
$$;

comment on function private.admin_acknowledge_alert(bigint) is 'Notes that somebody has seen an alert.';
revoke all on function private.admin_acknowledge_alert(bigint) from public, anon, authenticated, service_role;
grant execute on function private.admin_acknowledge_alert(bigint) to authenticated;

create function public.admin_acknowledge_alert(alert_id bigint) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_acknowledge_alert(alert_id);
end;

comment on function public.admin_acknowledge_alert(bigint) is
'Notes that somebody has seen an alert; answers it. Administrators only.';
revoke all on function public.admin_acknowledge_alert(bigint) from public, anon, authenticated, service_role;
grant execute on function public.admin_acknowledge_alert(bigint) to authenticated;

-- What an operator must know before his users tell him, looked for each minute.

-- Everything that is not as it should be at this moment: a row for each alert.
create function private.conditions()
returns table (kind text, severity text, subject text, details jsonb)
language sql
stable
security definer
set search_path = ''
as $$
    -- Only while somebody waits: without work, silence is what one hears.
    select 'worker_silent', 'critical', 'workers', jsonb_build_object('last_beat_at', max(h.beat_at))
    from private.settings as s
    left join private.worker_heartbeats as h on h.worker_id <> 'pg_cron'
    where exists (select from private.video_jobs as j where j.due_at < private.now() - 3 * s.lease_period)
    group by s.lease_period
    having coalesce(max(h.beat_at), '-infinity') < private.now() - 3 * s.lease_period

    union all
    -- Three ticks.
    select 'queue_late', 'warning', 'queue', jsonb_build_object('oldest_due_at', min(j.due_at), 'jobs', count(*))
    from private.video_jobs as j
    where j.due_at < private.now() - interval '30 seconds'
    having count(*) > 0

    union all
    select
        'spend_at_' || t.percent || '_percent', t.severity, d.day::text,
        jsonb_build_object('usd', d.usd, 'cap_usd', s.daily_spend_cap_usd)
    from private.settings as s
    inner join private.daily_spend as d on d.day = (private.now() at time zone 'utc')::date
    cross join (values (50, 'info'), (80, 'warning'), (100, 'critical')) as t (percent, severity)
    where d.usd > 0 and d.usd * 100 >= s.daily_spend_cap_usd * t.percent

    union all
    select
        'spend_above_alert', 'warning', d.day::text,
        jsonb_build_object('usd', d.usd, 'alert_usd', s.daily_cost_alert_usd)
    from private.settings as s
    inner join private.daily_spend as d on d.day = (private.now() at time zone 'utc')::date
    where d.usd > 0 and d.usd >= s.daily_cost_alert_usd

    union all
    -- The last eighth of its time: six hours of two days.
    select
        'expiry_near', 'critical', j.task_id::text,
        jsonb_build_object('expires_at', j.deadline_at, 'download_attempt', j.download_attempt)
    from private.settings as s
    inner join private.video_jobs as j on j.stage = 'transfer'
    where j.deadline_at < private.now() + s.provider_expiry / 8

    union all
    select 'model_retiring', 'warning', m.id, jsonb_build_object('retires_at', m.retires_at)
    from public.video_models as m
    where m.is_enabled and m.retires_at > private.now() and m.retires_at < private.now() + interval '30 days'

    union all
    select 'price_not_checked', 'info', m.id, jsonb_build_object('price_checked_at', m.price_checked_at)
    from public.video_models as m
    where m.is_enabled and coalesce(m.price_checked_at, '-infinity') < private.now() - interval '1 month'
$$;

comment on function private.conditions() is 'What an operator must know at this moment: a row for each alert.';
revoke all on function private.conditions() from public, anon, authenticated, service_role;

-- Called by pg_cron each minute. What lasts is one alert. That pg_cron is silent is noticed by a worker's heartbeat.
create function private.watch() returns integer
language sql
volatile
security definer
set search_path = ''
as $$
    select count(private.note_condition(c.kind, c.severity, c.subject, c.details))::integer
    from private.conditions() as c
$$;

comment on function private.watch() is 'Turns what is not as it should be into alerts; returns how much there is.';
revoke all on function private.watch() from public, anon, authenticated, service_role;

create function private.queue_orphans(p_limit integer) returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_queued integer;
begin
    insert into private.file_jobs (kind, bucket, path)
    select 'delete', o.bucket_id, o.name
    from storage.objects as o
    cross join private.settings as s
    where o.created_at < private.now() - s.provider_expiry
        and o.bucket_id in ('videos', 'reference-images')
        and case o.bucket_id
            when 'videos' then
                o.name ~ '^[0-9a-f-]{36}/[0-9a-f-]{36}\.(mp4|jpg|webp)$'
                and not exists (
                    select
                    from public.video_generation_history as h
                    where h.id::text = substr(o.name, 38, 36)
                        and (h.ended_at is null or 'videos/' || o.name in (h.permanent_video_url, h.thumbnail_url))
                )
            else
                o.name ~ '^[0-9a-f-]{36}/'
                and not exists (
                    select
                    from auth.users as u
                    where u.id::text = left(o.name, 36) and u.deleted_at is null
                )
        end
        and not exists (
            select
            from private.file_jobs as f
            where f.kind = 'delete' and f.bucket = o.bucket_id and f.path = o.name
        )
    order by o.created_at
    limit p_limit;
    get diagnostics v_queued = row_count;
    return v_queued;
end
$$;

comment on function private.queue_orphans(integer) is 'Queues files of ours that belong to nobody for deletion.';
revoke all on function private.queue_orphans(integer) from public, anon, authenticated, service_role;

create or replace function private.clean_up() returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < private.now() - interval '7 days';

    -- pg_net forgets its answers by itself; not on every platform, and not while its worker stands still.
    if to_regclass('net._http_response') is not null then
        delete from net._http_response as r
        where r.created < private.now() - interval '7 days';
    end if;

    delete from private.worker_heartbeats as h
    where h.beat_at < private.now() - interval '7 days';

    perform private.queue_orphans(1000);
end
$$;

comment on function private.clean_up() is
'Deletes run history and heartbeats older than a week; queues files that belong to nobody.';

select cron.schedule('video-watch', '* * * * *', 'select private.watch()');
