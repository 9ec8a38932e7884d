-- The RPCs of users and administrators.
-- First version: made from sql/schema/80_client_api, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- The RPCs of a user. Each is a thin security invoker wrapper over a definer function in private: names are bound
-- when the wrapper is made, so its callers need EXECUTE on the inner function and no USAGE on its schema.
--
-- Orders a video: deducts its price and queues it. An explicit null means the default.
-- Answer: {task_id, status, credit_cost, balance, estimated_seconds, created_at}.
-- Errors: see private.generate_video.
create function public.generate_video(
    prompt text,
    duration integer default 8,
    resolution text default '720p',
    aspect_ratio text default '16:9',
    negative_prompt text default null,
    reference_image_path text default null,
    reference_image_id uuid default null,
    model text default null,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.generate_video(
        prompt, duration, resolution, aspect_ratio, negative_prompt, reference_image_path, reference_image_id, model,
        idempotency_key
    );
end;

comment on function public.generate_video(text, integer, text, text, text, text, uuid, text, text) is
'Orders a video: {task_id, status, credit_cost, balance, estimated_seconds, created_at}. Give an idempotency_key.';
revoke all on function public.generate_video(text, integer, text, text, text, text, uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.generate_video(text, integer, text, text, text, text, uuid, text, text)
to authenticated;

-- The state of one of the caller's tasks. Raises task_not_found, also for somebody else's.
create function private.get_video_status(p_task_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history;
begin
    select * into v_task
    from public.video_generation_history as h
    where h.id = p_task_id and h.user_id = v_user_id and h.deleted_at is null;

    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    return private.video_status(v_task);
end
$$;

comment on function private.get_video_status(uuid) is 'The status shape of the caller''s task.';
revoke all on function private.get_video_status(uuid) from public, anon, authenticated, service_role;
grant execute on function private.get_video_status(uuid) to authenticated;

create function public.get_video_status(task_id uuid) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_video_status(task_id);
end;

comment on function public.get_video_status(uuid) is
'State of the caller''s task: {task_id, status, ..., video, error}. Raises task_not_found.';
revoke all on function public.get_video_status(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_video_status(uuid) to authenticated;

-- The caller's tasks, newest first: {items, next_cursor}. status filters; 'in_progress' is every live one.
create function private.list_videos(p_status text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_statuses text[];
    v_page public.video_generation_history[];
begin
    if p_status not in (
        'pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled', 'in_progress'
    ) then
        perform private.refuse_parameter(
            'status',
            '["pending", "processing", "downloading", "completed", "failed", "cancelled", "in_progress"]',
            'This status does not exist.'
        );
    end if;

    -- One row more than the page tells whether there is a next one. With a filter each status is read from its own
    -- index range, so that a rare status costs no more than a common one.
    if p_status is null then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    else
        v_statuses := case p_status
            when 'in_progress' then '{pending,processing,downloading}'::text[]
            else array[p_status]
        end;
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select r.h
            from unnest(v_statuses) as s (status)
            cross join lateral (
                select h
                from public.video_generation_history as h
                where h.user_id = v_user_id
                    and h.status = s.status
                    and h.deleted_at is null
                    and (h.created_at, h.id) < (v_from.created_at, v_from.id)
                order by h.created_at desc, h.id desc
                limit v_page_size + 1
            ) as r
            order by (r.h).created_at desc, (r.h).id desc
            limit v_page_size + 1
        ) as p;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    private.video_status(h) || jsonb_build_object(
                        'prompt', h.prompt,
                        'negative_prompt', h.negative_prompt,
                        'duration', h.duration,
                        'resolution', h.resolution,
                        'aspect_ratio', h.aspect_ratio,
                        'model', h.model
                    )
                    order by h.created_at desc, h.id desc
                )
                from unnest(v_page[1:v_page_size]) as h
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_videos(text, text, integer) is 'A page of the caller''s tasks.';
revoke all on function private.list_videos(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_videos(text, text, integer) to authenticated;

create function public.list_videos(
    status text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_videos(status, cursor, page_size);
end;

comment on function public.list_videos(text, text, integer) is
'The caller''s tasks, newest first: {items, next_cursor}. status also takes in_progress.';
revoke all on function public.list_videos(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_videos(text, text, integer) to authenticated;

-- Cancels a task that has not been submitted; the credits come back. Repeating it is fine.
-- Raises task_not_found, illegal_state {status, stage}.
create function public.cancel_video(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.cancel_video(task_id);
end;

comment on function public.cancel_video(uuid) is
'Cancels the caller''s pending task before it is submitted; answers its status shape.';
revoke all on function public.cancel_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cancel_video(uuid) to authenticated;

-- What a video costs, for everybody. Raises invalid_parameter, model_unavailable.
create function private.quote_video(p_duration integer, p_resolution text, p_model text) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_option private.current_options;
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    if p_duration not in (4, 6, 8) then
        perform private.refuse_parameter('duration', '[4, 6, 8]', 'duration must be 4, 6 or 8 seconds.');
    end if;
    if p_resolution not in ('720p', '1080p') then
        perform private.refuse_parameter('resolution', '["720p", "1080p"]', 'resolution must be 720p or 1080p.');
    end if;

    select * into v_option
    from private.current_options as o
    where o.model = coalesce(p_model, v_settings.default_model)
        and o.resolution = coalesce(p_resolution, '720p')
        and o.duration = coalesce(p_duration, 8);

    if not found then
        perform private.refuse_parameter(
            'model',
            (select jsonb_agg(distinct o.model) from private.current_options as o where o.is_available),
            'This model does not exist or does not make this kind of video.'
        );
    end if;
    if not v_option.is_available then
        perform private.raise_error(
            'model_unavailable', 'This model is not offered at the moment. Please choose another one.',
            jsonb_build_object('model', v_option.model, 'retry_after_seconds', v_settings.retry_after_seconds)
        );
    end if;

    return jsonb_build_object(
        'credit_cost', v_option.credit_cost,
        'model', v_option.model,
        'duration', v_option.duration,
        'resolution', v_option.resolution
    );
end
$$;

comment on function private.quote_video(integer, text, text) is 'The price of one kind of video.';
revoke all on function private.quote_video(integer, text, text) from public, anon, authenticated, service_role;
grant execute on function private.quote_video(integer, text, text) to anon, authenticated, service_role;

create function public.quote_video(
    duration integer default 8,
    resolution text default '720p',
    model text default null
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.quote_video(duration, resolution, model);
end;

comment on function public.quote_video(integer, text, text) is
'What a video costs: {credit_cost, model, duration, resolution}.';
revoke all on function public.quote_video(integer, text, text) from public, anon, authenticated, service_role;
grant execute on function public.quote_video(integer, text, text) to anon, authenticated, service_role;

create function private.list_video_prices() returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'model', o.model, 'duration', o.duration, 'resolution', o.resolution, 'credit_cost', o.credit_cost
            )
            order by o.model, o.resolution desc, o.duration
        ), '[]'
    )
    from private.current_options as o
    where o.is_available
$$;

comment on function private.list_video_prices() is 'Every kind of video on sale, with its price.';
revoke all on function private.list_video_prices() from public, anon, authenticated, service_role;
grant execute on function private.list_video_prices() to anon, authenticated, service_role;

create function public.list_video_prices() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_video_prices();
end;

comment on function public.list_video_prices() is
'Every kind of video on sale: [{model, duration, resolution, credit_cost}].';
revoke all on function public.list_video_prices() from public, anon, authenticated, service_role;
grant execute on function public.list_video_prices() to anon, authenticated, service_role;

-- What a client needs to show its form: whether generation is open for this caller, limits, and the models on sale.
-- Signed out, in_rollout says whether everybody is in.
create function private.get_video_availability() returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'enabled', s.generation_enabled,
        'in_rollout', coalesce(
            private.is_in_rollout(auth.uid(), s.rollout_percent, s.rollout_salt), s.rollout_percent = 100
        ),
        'message', case when not s.generation_enabled then s.disabled_message end,
        'until', case when not s.generation_enabled then s.disabled_until end,
        'prompt_max_length', s.prompt_max_length,
        'concurrent_limit', s.concurrent_limit,
        'models', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', m.id,
                        'display_name', m.display_name,
                        'is_default', m.id = s.default_model,
                        'has_negative_prompt', m.has_negative_prompt,
                        'has_reference_image', m.has_reference_image,
                        'durations', o.durations,
                        'resolutions', o.resolutions
                    )
                    order by m.id <> s.default_model, m.id
                )
                from public.video_models as m
                inner join (
                    select
                        c.model,
                        jsonb_agg(distinct c.duration) as durations,
                        jsonb_agg(distinct c.resolution) as resolutions
                    from private.current_options as c
                    where c.is_available
                    group by c.model
                ) as o on o.model = m.id
            ), '[]'
        )
    )
    from private.settings as s
$$;

comment on function private.get_video_availability() is 'Whether generation is open for the caller, limits and models.';
revoke all on function private.get_video_availability() from public, anon, authenticated, service_role;
grant execute on function private.get_video_availability() to anon, authenticated, service_role;

create function public.get_video_availability() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_video_availability();
end;

comment on function public.get_video_availability() is
'{enabled, in_rollout, message, until, prompt_max_length, concurrent_limit, models}.';
revoke all on function public.get_video_availability() from public, anon, authenticated, service_role;
grant execute on function public.get_video_availability() to anon, authenticated, service_role;

-- What the caller has, and what became of it.
create function private.get_credits() returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_account public.credit_accounts;
begin
    -- A user whose account could not be made at sign-up has nothing yet.
    select * into v_account from public.credit_accounts as a where a.user_id = v_user_id;

    return jsonb_build_object(
        'balance', coalesce(v_account.balance, 0),
        'active_tasks', (
            select count(*)
            from private.video_jobs as j
            where j.account_id = v_account.id and j.counts_for_limit
        ),
        'concurrent_limit', (select s.concurrent_limit from private.settings as s)
    );
end
$$;

comment on function private.get_credits() is 'Balance and running tasks of the caller.';
revoke all on function private.get_credits() from public, anon, authenticated, service_role;
grant execute on function private.get_credits() to authenticated;

create function public.get_credits() returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.get_credits();
end;

comment on function public.get_credits() is 'The caller''s {balance, active_tasks, concurrent_limit}.';
revoke all on function public.get_credits() from public, anon, authenticated, service_role;
grant execute on function public.get_credits() to authenticated;

-- The caller's ledger, newest entry first. A cursor names an entry of his own; the order is that of entry_no.
create function private.list_credit_transactions(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_account_id uuid;
    v_before integer;
    v_page public.credit_transactions[];
begin
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = v_user_id;

    if p_cursor is not null then
        select t.entry_no into v_before
        from public.credit_transactions as t
        where t.id = v_from.id and t.account_id = v_account_id;
        if not found then
            perform private.refuse_parameter(
                'cursor', '"next_cursor of an earlier page"', 'This cursor is not valid.'
            );
        end if;
    end if;

    select array_agg(p.t order by (p.t).entry_no desc) into v_page
    from (
        select t
        from public.credit_transactions as t
        where t.account_id = v_account_id and t.entry_no < coalesce(v_before, 2147483647)
        order by t.entry_no desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'id', t.id,
                        'type', t.type,
                        'amount', t.amount,
                        'balance_before', t.balance_before,
                        'balance_after', t.balance_after,
                        'task_id', t.task_id,
                        'reason', t.reason,
                        'created_at', t.created_at
                    )
                    order by t.entry_no desc
                )
                from unnest(v_page[1:v_page_size]) as t
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.list_credit_transactions(text, integer) is 'A page of the caller''s ledger.';
revoke all on function private.list_credit_transactions(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_credit_transactions(text, integer) to authenticated;

create function public.list_credit_transactions(
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_credit_transactions(cursor, page_size);
end;

comment on function public.list_credit_transactions(text, integer) is
'The caller''s ledger, newest first: {items, next_cursor}.';
revoke all on function public.list_credit_transactions(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_credit_transactions(text, integer) to authenticated;

-- What administrators did: who, what, why.
create table private.admin_actions (
    id bigint generated always as identity primary key,
    actor text not null,
    action text not null,
    user_id uuid,
    task_id uuid,
    details jsonb not null default '{}',
    reason text,
    created_at timestamptz not null default private.now()
);

create index admin_actions_by_user on private.admin_actions (user_id, id desc);

comment on table private.admin_actions is 'Who did what and why; one row for each action of an administrator.';
alter table private.admin_actions enable row level security;
revoke all on table private.admin_actions from public, anon, authenticated, service_role;

-- Gives credits to a user. With an idempotency key the grant happens once, however often it is repeated.
-- Locks the account. Raises not_admin, invalid_parameter, user_not_found, idempotency_conflict {fields}.
create function private.admin_grant_credits(
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
    v_account public.credit_accounts;
    v_entry public.credit_transactions;
begin
    if p_amount is null or p_amount not between 1 and 100000000 then
        perform private.refuse_parameter(
            'amount', '{"minimum": 1, "maximum": 100000000}', 'The amount must be a positive number of credits.'
        );
    end if;
    if p_reason is null or p_reason !~ '[^[:space:]]' or char_length(p_reason) > 500 then
        perform private.refuse_parameter(
            'reason', '{"min_length": 1, "max_length": 500}', 'Say why, in 1 to 500 characters.'
        );
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 255 then
        perform private.refuse_parameter(
            'idempotency_key', '{"min_length": 1, "max_length": 255}', 'The key must have 1 to 255 characters.'
        );
    end if;
    if p_user_id is null
        or not exists (select from auth.users as u where u.id = p_user_id and u.deleted_at is null)
    then
        perform private.raise_error('user_not_found', 'There is no such user.');
    end if;

    v_account := private.lock_account(p_user_id);

    if p_idempotency_key is not null then
        select * into v_entry
        from public.credit_transactions as t
        where t.account_id = v_account.id
            and t.type = 'admin_grant'
            and t.idempotency_key = p_idempotency_key;

        if found then
            if v_entry.amount <> p_amount then
                perform private.raise_error(
                    'idempotency_conflict', 'This idempotency key was already used with another amount.',
                    '{"fields": ["amount"]}', 'Use a new key for a new grant.'
                );
            end if;
            return jsonb_build_object('balance', v_account.balance);
        end if;
    end if;

    v_entry := private.post_entry(
        v_account.id, 'admin_grant', p_amount, v_actor,
        p_reason => p_reason, p_idempotency_key => p_idempotency_key
    );

    insert into private.admin_actions (actor, action, user_id, details, reason)
    values (
        v_actor, 'grant_credits', p_user_id, jsonb_build_object('amount', p_amount, 'entry', v_entry.id), p_reason
    );

    -- Part of a grant may have repaid a debt.
    return jsonb_build_object(
        'balance', (select a.balance from public.credit_accounts as a where a.id = v_account.id)
    );
end
$$;

comment on function private.admin_grant_credits(uuid, integer, text, text) is
'Gives credits to a user, once for each key.';
revoke all on function private.admin_grant_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_grant_credits(uuid, integer, text, text) to authenticated, service_role;

create function public.admin_grant_credits(
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
    select private.admin_grant_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.admin_grant_credits(uuid, integer, text, text) is
'Gives credits to a user: {balance}. Administrators and service_role only.';
revoke all on function public.admin_grant_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_grant_credits(uuid, integer, text, text) to authenticated, service_role;
