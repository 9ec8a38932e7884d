-- Makes the schema "tests" that every other file uses. Runs first (files run in name order) and stays, as nothing in
-- it can be named by a client; a database with real users is no place to run tests.
create schema if not exists tests;
grant usage on schema tests to public;

-- A user as Auth would make him: confirmed unless told otherwise.
create or replace function tests.create_user(
    p_email text default null,
    p_is_confirmed boolean default true,
    p_is_anonymous boolean default false,
    p_app_metadata jsonb default '{}'
) returns uuid
language plpgsql
as $$
declare
    v_id uuid := gen_random_uuid();
begin
    insert into auth.users (id, aud, role, email, email_confirmed_at, is_anonymous, raw_app_meta_data, created_at, updated_at)
    values (
        v_id, 'authenticated', 'authenticated',
        case when not p_is_anonymous then coalesce(p_email, v_id || '@example.com') end,
        case when p_is_confirmed and not p_is_anonymous then now() end,
        p_is_anonymous, p_app_metadata, now(), now()
    );
    return v_id;
end
$$;

-- A user with credits: exactly these, so the bonus of new users is off until the transaction ends.
create or replace function tests.create_rich_user(p_credits integer default 1000) returns uuid
language plpgsql
as $$
declare
    v_id uuid;
begin
    perform tests.stop_acting();
    update public.system_configs set value = '0' where key = 'signup_bonus_credits' and value <> '0';
    v_id := tests.create_user();
    perform public.admin_grant_credits(v_id, p_credits, 'test');
    return v_id;
end
$$;

-- From here on the session is what PostgREST would make it for this user's token.
create or replace function tests.act_as(p_user_id uuid, p_claims jsonb default '{}') returns void
language plpgsql
as $$
begin
    perform set_config(
        'request.jwt.claims',
        (jsonb_build_object('sub', p_user_id, 'role', 'authenticated', 'aal', 'aal1') || p_claims)::text, true
    );
    perform set_config('role', 'authenticated', true);
end
$$;

create or replace function tests.act_as_role(p_role text) returns void
language plpgsql
as $$
begin
    perform set_config('request.jwt.claims', jsonb_build_object('role', p_role)::text, true);
    perform set_config('role', p_role, true);
end
$$;

-- Back to the owner of the schema, without a token.
create or replace function tests.stop_acting() returns void
language plpgsql
as $$
begin
    perform set_config('role', 'postgres', true);
    perform set_config('request.jwt.claims', '', true);
end
$$;

-- Sets the clock of the schema until the transaction ends. Call as its owner.
create or replace function tests.set_time(p_now timestamptz) returns void
language plpgsql
as $$
begin
    execute format(
        'create or replace function private.now() returns timestamptz language sql volatile security invoker '
        'set search_path = '''' as %L', format('select %L::timestamptz', p_now)
    );
end
$$;

create or replace function tests.advance_time(p_by interval) returns void
language sql
as $$
    select tests.set_time(private.now() + p_by)
$$;

-- The parts of an error that private.raise_error raised: {code, message, details, hint, status, headers}, with
-- details parsed. {sqlstate, message} for any other error, null if there was none.
create or replace function tests.error_of(p_sql text) returns jsonb
language plpgsql
as $$
declare
    v_message text;
    v_detail text;
    v_state text;
begin
    begin
        execute p_sql;
        return null;
    exception
        when others then
            get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail, v_state = returned_sqlstate;
    end;
    if v_state <> 'PGRST' then
        return jsonb_build_object('sqlstate', v_state, 'message', v_message);
    end if;
    return v_message::jsonb || v_detail::jsonb
        || jsonb_build_object('details', (v_message::jsonb ->> 'details')::jsonb);
end
$$;

-- The same for a statement of the video worker, whose database session has no token. He cannot even see pgTAP, and the
-- owner has to become a member of his role first.
create or replace function tests.error_of_worker(p_sql text) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.stop_acting();
    -- From Postgres 16 on whoever creates a role is a member of it at once, but may not act as it.
    if not pg_has_role(
        current_user, 'video_worker',
        case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
    ) then
        execute format('grant video_worker to %I', current_user);
    end if;
    perform set_config('role', 'video_worker', true);
    v_error := tests.error_of(p_sql);
    perform tests.stop_acting();
    return v_error;
end
$$;

-- Asserts that a statement raises an error of ours, by its code.
create or replace function tests.throws_code(p_sql text, p_code text, p_description text default null) returns text
language plpgsql
as $$
declare
    v_error jsonb := tests.error_of(p_sql);
begin
    return extensions.is(
        coalesce(v_error ->> 'code', 'no error of ours: ' || coalesce(v_error::text, 'none at all')),
        p_code,
        coalesce(p_description, 'raises ' || p_code)
    );
end
$$;

-- The constraint that a statement violates, deferred ones included; null if it violates none. Leaves nothing behind.
-- An error that no constraint raised comes back as its code and message.
create or replace function tests.constraint_of(p_sql text) returns text
language plpgsql
as $$
declare
    v_constraint text;
    v_message text;
    v_state text;
begin
    -- What came before must hold by itself.
    set constraints all immediate;
    begin
        set constraints all deferred;
        execute p_sql;
        set constraints all immediate;
        raise exception using errcode = 'TEST0';
    exception
        when others then
            get stacked diagnostics
                v_constraint = constraint_name, v_message = message_text, v_state = returned_sqlstate;
    end;
    set constraints all deferred;
    return case when v_state <> 'TEST0' then coalesce(nullif(v_constraint, ''), v_state || ' ' || v_message) end;
end
$$;

-- Asserts that a statement violates a constraint, by its name.
create or replace function tests.violates(
    p_sql text,
    p_constraint text,
    p_description text default null
) returns text
language sql
as $$
    select extensions.is(
        tests.constraint_of(p_sql), p_constraint, concat_ws(': ', p_constraint, p_description)
    )
$$;

-- Changes a configuration value until the transaction ends. Call as the owner of the schema.
create or replace function tests.configure(p_key text, p_value jsonb) returns void
language plpgsql
as $$
begin
    update public.system_configs as c set value = p_value where c.key = p_key;
    if not found then
        raise exception 'there is no configuration key %', p_key;
    end if;
end
$$;

-- Orders a video as this user and returns the task's id; the session is the schema's owner again afterwards.
create or replace function tests.order_video(p_user_id uuid, p_prompt text default 'a red fox in the snow') returns uuid
language plpgsql
as $$
declare
    v_task_id uuid;
begin
    perform tests.act_as(p_user_id);
    v_task_id := public.generate_video(p_prompt) ->> 'task_id';
    perform tests.stop_acting();
    return v_task_id;
end
$$;

-- How many rows each table of ours has, and pg_net's queue: equal before and after a call that must leave nothing.
create or replace function tests.count_rows() returns jsonb
language plpgsql
as $$
declare
    v_table regclass;
    v_rows bigint;
    v_counts jsonb := '{}';
begin
    for v_table in
        select c.oid
        from pg_catalog.pg_class as c
        where c.relkind = 'r'
            and (c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
                or c.oid = 'net.http_request_queue'::regclass)
    loop
        execute format('select count(*) from %s', v_table) into v_rows;
        v_counts := v_counts || jsonb_build_object(v_table::text, v_rows);
    end loop;
    return v_counts;
end
$$;

-- Orders a video of this kind as its user would; returns the task.
create or replace function tests.order_video_of(
    p_user_id uuid,
    p_duration integer default 8,
    p_resolution text default '720p',
    p_model text default null
) returns uuid
language plpgsql
as $$
declare
    v_task_id uuid;
begin
    perform tests.act_as(p_user_id);
    v_task_id := (
        public.generate_video('a cat on a roof', p_duration, p_resolution, model => p_model) ->> 'task_id'
    )::uuid;
    perform tests.stop_acting();
    return v_task_id;
end
$$;

-- Makes a task's job due and has a worker claim it; returns the lease.
create or replace function tests.claim(p_task_id uuid, p_worker_id text default 'worker-1') returns uuid
language plpgsql
as $$
declare
    v_lane text;
    v_lease uuid;
begin
    update private.video_jobs as j
    set due_at = '-infinity'
    where j.task_id = p_task_id and (j.lease_token is null or j.due_at <= private.now())
    returning case when j.stage in ('submit', 'transfer') then j.stage else 'poll' end into v_lane;

    select (c ->> 'lease_token')::uuid into v_lease
    from worker_api.claim_jobs(
        p_worker_id,
        submit_slots => (v_lane = 'submit')::integer,
        poll_slots => (v_lane = 'poll')::integer,
        transfer_slots => (v_lane = 'transfer')::integer
    ) as c
    where c ->> 'task_id' = p_task_id::text;

    if v_lease is null then
        raise exception 'task % could not be claimed', p_task_id;
    end if;
    return v_lease;
end
$$;

-- Raises unless a verb answered {result: applied}; for the steps on the way to what a test is about.
create or replace function tests.must_apply(p_answer jsonb) returns void
language plpgsql
as $$
begin
    if p_answer ->> 'result' is distinct from 'applied' or p_answer -> 'submit' = 'false' then
        raise exception 'a step was not applied: %', p_answer;
    end if;
end
$$;

-- Takes a new task to where a worker holds it in this stage (submit, submitting, reconcile, poll, transfer), or
-- through to `completed`. Returns the lease that the worker holds, or ended the task with.
create or replace function tests.bring_to(
    p_task_id uuid,
    p_stage text,
    p_worker_id text default 'worker-1'
) returns uuid
language plpgsql
as $$
declare
    v_lease uuid;
    v_operation text := 'operations/' || p_task_id;
begin
    case p_stage
        when 'submit' then
            v_lease := tests.claim(p_task_id, p_worker_id);
        when 'submitting' then
            v_lease := tests.bring_to(p_task_id, 'submit', p_worker_id);
            perform tests.must_apply(worker_api.begin_submit(p_task_id, v_lease));
        when 'reconcile' then
            perform tests.bring_to(p_task_id, 'submitting', p_worker_id);
            perform tests.must_apply(worker_api.requeue_submit(p_task_id, 1, 'unknown', '{}', null));
            v_lease := tests.claim(p_task_id, p_worker_id);
        when 'poll' then
            perform tests.bring_to(p_task_id, 'submitting', p_worker_id);
            perform tests.must_apply(worker_api.record_operation(p_task_id, 1, v_operation));
            v_lease := tests.claim(p_task_id, p_worker_id);
        when 'transfer' then
            v_lease := tests.bring_to(p_task_id, 'poll', p_worker_id);
            perform tests.must_apply(
                worker_api.record_poll(p_task_id, v_lease, 'succeeded', '{"google_video_url": "gs://clips/1.mp4"}')
            );
            v_lease := tests.claim(p_task_id, p_worker_id);
            perform tests.must_apply(worker_api.begin_transfer(p_task_id, v_lease));
        when 'completed' then
            v_lease := tests.bring_to(p_task_id, 'transfer', p_worker_id);
            perform tests.store_file(p_task_id);
            perform tests.must_apply(worker_api.complete_video(p_task_id, v_lease, tests.stored_video()));
    end case;
    return v_lease;
end
$$;

-- A new video of this user in this status; returns the task.
create or replace function tests.create_video(p_user_id uuid, p_status text) returns uuid
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid;
begin
    case p_status
        when 'pending' then
            null;
        when 'processing' then
            perform tests.bring_to(v_task_id, 'poll');
        when 'downloading' then
            perform tests.bring_to(v_task_id, 'transfer');
        when 'completed' then
            perform tests.bring_to(v_task_id, 'completed');
        when 'failed' then
            v_lease := tests.bring_to(v_task_id, 'submitting');
            perform tests.must_apply(worker_api.fail_video(v_task_id, v_lease, 'safety_filter', '{}'));
        when 'cancelled' then
            perform tests.act_as(p_user_id);
            perform public.cancel_video(v_task_id);
            perform tests.stop_acting();
    end case;
    return v_task_id;
end
$$;

-- Gives a user this many videos (each tenth failed, the others completed) and this many images, a minute apart and in
-- turn, the newest at this time. Quickly: nothing was paid for them, and no trigger looks at them.
create or replace function tests.fill_history(
    p_user_id uuid,
    p_videos integer,
    p_images integer,
    p_newest timestamptz default now()
) returns void
language plpgsql
as $$
begin
    -- A table with checks outstanding cannot be altered: they are made at once.
    set constraints all immediate;
    alter table public.video_generation_history disable trigger user;
    insert into public.video_generation_history (
        account_id, user_id, prompt, aspect_ratio, resolution, duration, model, request, credit_cost, created_at,
        ended_at, status, error_code, error_message, completed_at, downloaded_at, permanent_video_url,
        file_size_bytes, sha256, width, height, video_duration
    )
    select
        a.id, a.user_id, 'video ' || n, '16:9', '720p', 8, 'veo-3.1', '{}', 0, t.made_at, t.made_at, o.*
    from public.credit_accounts as a
    cross join generate_series(1, p_videos) as n
    cross join lateral (select p_newest - (n - 1) * interval '1 minute' as made_at) as t
    inner join lateral (
        values
        ('failed', 'timeout', 'It took too long.', null, null, null, null, null, null, null, null),
        (
            'completed', null, null, t.made_at, t.made_at, 'videos/' || a.user_id || '/' || n || '.mp4', 1000,
            repeat('ab', 32), 1280, 720, 8
        )
    ) as o (status) on (o.status = 'failed') = (n % 10 = 0)
    where a.user_id = p_user_id;
    alter table public.video_generation_history enable trigger user;
    set constraints all deferred;

    insert into public.image_generation_history (user_id, prompt, bucket, path, created_at)
    select p_user_id, 'image ' || n, 'reference-images', p_user_id || '/' || n || '.png',
        p_newest - (n - 1) * interval '1 minute' - interval '30 seconds'
    from generate_series(1, p_images) as n;

    analyze public.video_generation_history;
    analyze public.image_generation_history;
end
$$;

-- How many rows of a table, and of its indexes, this transaction has read so far, and how many times all of it.
create or replace function tests.reads_of(p_table regclass, out rows_read bigint, out full_scans bigint)
language sql
as $$
    select
        s.seq_tup_read + coalesce(s.idx_tup_fetch, 0),
        s.seq_scan
    from pg_catalog.pg_stat_xact_all_tables as s
    where s.relid = p_table
$$;

-- What a worker reports of a file it stored.
create or replace function tests.stored_video(p_changes jsonb default '{}') returns jsonb
language sql
as $$
    select jsonb_build_object(
        'size_bytes', 1000, 'sha256', repeat('ab', 32), 'width', 1280, 'height', 720, 'duration_seconds', 8.0,
        'thumbnail_path', null
    ) || p_changes
$$;

-- The row that Storage would hold for a task's file.
create or replace function tests.store_file(p_task_id uuid, p_size_bytes bigint default 1000) returns void
language sql
as $$
    insert into storage.objects (bucket_id, name, metadata)
    select 'videos', h.user_id || '/' || h.id || '.mp4', jsonb_build_object('size', p_size_bytes)
    from public.video_generation_history as h
    where h.id = p_task_id
$$;

create or replace function tests.task(p_task_id uuid) returns public.video_generation_history
language sql
as $$
    select h.* from public.video_generation_history as h where h.id = p_task_id
$$;

create or replace function tests.job(p_task_id uuid) returns private.video_jobs
language sql
as $$
    select j.* from private.video_jobs as j where j.task_id = p_task_id
$$;

create or replace function tests.call(p_task_id uuid, p_attempt integer default 1) returns private.provider_calls
language sql
as $$
    select c.* from private.provider_calls as c where c.task_id = p_task_id and c.attempt = p_attempt
$$;

create or replace function tests.balance_of(p_user_id uuid) returns integer
language sql
as $$
    select a.balance from public.credit_accounts as a where a.user_id = p_user_id
$$;

-- The refunds of a task, as amounts.
create or replace function tests.refunds_of(p_task_id uuid) returns integer[]
language sql
as $$
    select coalesce(array_agg(t.amount order by t.entry_no), '{}')
    from public.credit_transactions as t
    where t.task_id = p_task_id and t.type = 'video_refund'
$$;

-- USD booked for the day of the schema's clock.
create or replace function tests.spend_today() returns numeric
language sql
as $$
    select coalesce(sum(d.usd), 0)
    from private.daily_spend as d
    where d.day = (private.now() at time zone 'utc')::date
$$;

-- Everything a verb about a task can change.
create or replace function tests.state_of(p_task_id uuid) returns jsonb
language sql
as $$
    select jsonb_build_object(
        'task', to_jsonb(h),
        'job', (select to_jsonb(j) from private.video_jobs as j where j.task_id = h.id),
        'calls', (select jsonb_agg(c order by c.attempt) from private.provider_calls as c where c.task_id = h.id),
        'account', (select to_jsonb(a) from public.credit_accounts as a where a.id = h.account_id),
        'ledger', (
            select jsonb_agg(t order by t.entry_no)
            from public.credit_transactions as t
            where t.account_id = h.account_id
        ),
        'files', (select jsonb_agg(f order by f.id) from private.file_jobs as f where f.path like '%' || h.id || '%'),
        'spend', (select jsonb_agg(d order by d.day) from private.daily_spend as d),
        'brakes', (select jsonb_agg(b order by b.model) from private.model_brakes as b),
        'models', (select jsonb_agg(m order by m.id) from public.video_models as m),
        'alerts', (select jsonb_agg(a order by a.id) from private.alerts as a where a.subject = h.id::text)
    )
    from public.video_generation_history as h
    where h.id = p_task_id
$$;

-- Asserts that a verb gives this very answer and leaves everything about the task as it was.
create or replace function tests.changes_nothing(
    p_task_id uuid,
    p_sql text,
    p_answer jsonb,
    p_description text
) returns text
language plpgsql
as $$
declare
    v_before jsonb := tests.state_of(p_task_id);
    v_answer jsonb;
    v_changed jsonb;
begin
    execute p_sql into v_answer;
    select jsonb_object_agg(a.key, a.value) into v_changed
    from jsonb_each(tests.state_of(p_task_id)) as a
    where a.value is distinct from v_before -> a.key;
    return extensions.is(
        jsonb_build_object('answer', v_answer, 'changed', v_changed),
        jsonb_build_object('answer', p_answer, 'changed', null),
        p_description
    );
end
$$;

grant execute on all functions in schema tests to public;

begin;
select extensions.plan(2);

select extensions.is(
    tests.error_of($$select private.raise_error('rate_limited', 'Slow down.', '{"retry_after_seconds": 7}')$$),
    '{"code": "rate_limited", "message": "Slow down.", "details": {"retry_after_seconds": 7}, "hint": null,
      "status": 429, "headers": {"Retry-After": "7"}}'::jsonb,
    'an error carries its code, status, details and Retry-After'
);
select extensions.is(tests.error_of('select 1'), null, 'no error is null');

select extensions.finish();
rollback;
