-- Administrators see users, their videos with all that happened to each, what is stuck, and how the product does.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- One function writes configuration values in an administrator's name.
-- Changes one value. The row's own constraint decides what fits; this names what would. A JSON null arrives as an
-- SQL null and means that value. Writing what is there already changes nothing and leaves no trace.
-- Locks the row. Raises not_admin, invalid_parameter {parameter: key | value | reason, allowed}.
create or replace function private.admin_set_config(p_key text, p_value jsonb, p_reason text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_reason text := private.checked_reason(p_reason);
    v_value jsonb := coalesce(p_value, 'null');
    v_config public.system_configs;
    v_models jsonb;
begin
    select * into v_config
    from public.system_configs as c
    where c.key = p_key and c.value_type is not null
    for no key update;

    if not found then
        perform private.refuse_parameter(
            'key',
            (select jsonb_agg(c.key order by c.key) from public.system_configs as c where c.value_type is not null),
            'There is no such key.'
        );
    end if;

    if p_key = 'video_default_model' then
        select jsonb_agg(m.id order by m.id) into v_models from public.video_models as m;
        if not v_models @> v_value then
            perform private.refuse_parameter('value', v_models, 'There is no such model.');
        end if;
    end if;

    if v_config.value <> v_value then
        begin
            perform private.set_config_value(p_key, v_value, v_actor, v_reason);
        exception
            when check_violation then
                perform private.refuse_parameter(
                    'value',
                    jsonb_strip_nulls(
                        jsonb_build_object(
                            'type', v_config.value_type,
                            'minimum', v_config.minimum,
                            'maximum', v_config.maximum,
                            'is_nullable', v_config.is_nullable
                        )
                    ),
                    format('%s does not take this value.', p_key)
                );
        end;

        insert into private.admin_actions (actor, action, details, reason)
        values (
            v_actor, 'set_config',
            jsonb_build_object('key', p_key, 'old_value', v_config.value, 'new_value', v_value), v_reason
        );
    end if;

    return jsonb_build_object('key', p_key, 'value', v_value, 'old_value', v_config.value);
end
$$;

comment on function private.admin_set_config(text, jsonb, text) is 'Changes one configuration value, with its history.';
revoke all on function private.admin_set_config(text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function private.admin_set_config(text, jsonb, text) to authenticated;

-- A user as administrators see him: who he is, what he has, how much he makes and when he was last here.
create function private.describe_user(p_user_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'user_id', u.id,
        'email', u.email,
        'display_name', p.display_name,
        'is_admin', coalesce(u.raw_app_meta_data ->> 'role' = 'admin', false),
        'created_at', u.created_at,
        'balance', coalesce(a.balance, 0),
        'debt', coalesce(a.debt, 0),
        'tasks', (select count(*) from public.video_generation_history as h where h.account_id = a.id),
        'active_tasks', (select count(*) from private.video_jobs as j where j.account_id = a.id),
        'last_task_at', t.created_at,
        'last_sign_in_at', u.last_sign_in_at,
        'last_activity_at', greatest(t.created_at, u.last_sign_in_at)
    )
    from auth.users as u
    left join public.profiles as p on p.id = u.id
    left join public.credit_accounts as a on a.user_id = u.id
    left join lateral (
        select h.created_at
        from public.video_generation_history as h
        where h.account_id = a.id
        order by h.created_at desc, h.id desc
        limit 1
    ) as t on true
    where u.id = p_user_id
$$;

comment on function private.describe_user(uuid) is 'A user as administrators see him.';
revoke all on function private.describe_user(uuid) from public, anon, authenticated, service_role;

-- Users by id, whole e-mail address, or any part of address or display name; not those deleted softly.
--
-- The first two are found by the keys of auth.users. A part of an address reads every address, as that table is not
-- ours to index: 50 ms for 100,000 users. Auth keeps addresses in lower case.
create function private.find_users(p_search text) returns table (id uuid, created_at timestamptz)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_pattern text := '%' || regexp_replace(p_search, '([\\%_])', '\\\1', 'g') || '%';
begin
    if p_search ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
        return query
        select u.id, u.created_at
        from auth.users as u
        where u.id = p_search::uuid and u.deleted_at is null;
        return;
    end if;

    return query
    select u.id, u.created_at
    from auth.users as u
    where u.email = lower(p_search) and not u.is_sso_user and u.deleted_at is null;
    if found then
        return;
    end if;

    return query
    select u.id, u.created_at
    from auth.users as u
    left join public.profiles as p on p.id = u.id
    where (u.email like lower(v_pattern) or p.display_name ilike v_pattern) and u.deleted_at is null;
end
$$;

comment on function private.find_users(text) is 'Users by id, e-mail address, or a part of address or display name.';
revoke all on function private.find_users(text) from public, anon, authenticated, service_role;

-- Users, newest first: {items, next_cursor}. Without a search a page walks an index of accounts; a user whose account
-- could not be made at sign-up is found by searching.
-- Raises not_admin, invalid_parameter.
create function private.admin_list_users(p_search text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_search text := nullif(btrim(p_search), '');
    v_order text := case when v_search is null then 'accounts' else 'users' end;
    v_page_size integer;
    v_from record;
    v_time timestamptz;
    v_id uuid;
    v_page jsonb;
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    if char_length(v_search) > 255 then
        perform private.refuse_parameter('search', '{"max_length": 255}', 'Search for at most 255 characters.');
    end if;
    v_from := private.decode_place(p_cursor, v_order);
    v_time := coalesce(timestamptz 'epoch' + v_from.value * interval '1 microsecond', 'infinity');
    v_id := coalesce(v_from.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');

    if v_search is null then
        select jsonb_agg(jsonb_build_array(p.user_id, extract(epoch from p.created_at) * 1000000, p.id)) into v_page
        from (
            select a.user_id, a.created_at, a.id
            from public.credit_accounts as a
            where a.user_id is not null and (a.created_at, a.id) < (v_time, v_id)
            order by a.created_at desc, a.id desc
            limit v_page_size + 1
        ) as p;
    else
        select jsonb_agg(jsonb_build_array(p.id, extract(epoch from p.created_at) * 1000000, p.id)) into v_page
        from (
            select f.id, f.created_at
            from private.find_users(v_search) as f
            where (f.created_at, f.id) < (v_time, v_id)
            order by f.created_at desc, f.id desc
            limit v_page_size + 1
        ) as p;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.describe_user((u.row ->> 0)::uuid) order by u.place)
                from jsonb_array_elements(v_page) with ordinality as u (row, place)
                where u.place <= v_page_size
            ), '[]'
        ),
        'next_cursor', case
            when jsonb_array_length(v_page) > v_page_size then
                private.encode_place(
                    v_order, (v_page #>> array[(v_page_size - 1)::text, '1'])::numeric::bigint,
                    (v_page #>> array[(v_page_size - 1)::text, '2'])::uuid
                )
        end
    );
end
$$;

comment on function private.admin_list_users(text, text, integer) is 'A page of users, found by id, address or name.';
revoke all on function private.admin_list_users(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_list_users(text, text, integer) to authenticated;

create function public.admin_list_users(
    search text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_users(search, cursor, page_size);
end;

comment on function public.admin_list_users(text, text, integer) is
'Users by id, e-mail address or display name, newest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_users(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_list_users(text, text, integer) to authenticated;

-- A user's videos, for administrators: statistics, and the records themselves with what the provider said.
-- Deleted ones count and are listed too: their content is gone, their cost is not.

-- What became of a user's tasks and credits, in numbers.
--
-- success_rate is completed / (completed + failed); consumed is what was charged and not given back. Reads all of the
-- user's tasks, by their index. Raises not_admin, user_not_found.
create function private.admin_get_user_video_stats(p_user_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_account_id uuid;
    v_ledger jsonb;
    v_videos jsonb;
begin
    perform private.require_admin();
    perform private.check_user(p_user_id);
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = p_user_id;

    select coalesce(jsonb_object_agg(t.type, t.amount), '{}') into v_ledger
    from (
        select c.type, sum(c.amount) as amount
        from public.credit_transactions as c
        where c.account_id = v_account_id
        group by c.type
    ) as t;

    select jsonb_build_object(
        'total', count(*),
        'in_progress', count(*) filter (where h.ended_at is null),
        'pending', count(*) filter (where h.status = 'pending'),
        'processing', count(*) filter (where h.status = 'processing'),
        'downloading', count(*) filter (where h.status = 'downloading'),
        'completed', count(*) filter (where h.status = 'completed'),
        'failed', count(*) filter (where h.status = 'failed'),
        'cancelled', count(*) filter (where h.status = 'cancelled'),
        'deleted', count(*) filter (where h.deleted_at is not null),
        'success_rate', round(
            count(*) filter (where h.status = 'completed')::numeric
            / nullif(count(*) filter (where h.status in ('completed', 'failed')), 0), 4
        ),
        'seconds_made', coalesce(sum(h.duration) filter (where h.status = 'completed'), 0),
        'first_at', min(h.created_at),
        'last_at', max(h.created_at)
    )
    into v_videos
    from public.video_generation_history as h
    where h.account_id = v_account_id;

    return jsonb_build_object(
        'user', private.describe_user(p_user_id),
        'videos', v_videos,
        'failure_reasons', coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object('error_code', f.error_code, 'count', f.tasks)
                        order by f.tasks desc, f.error_code
                    )
                from (
                    select h.error_code, count(*) as tasks
                    from public.video_generation_history as h
                    where h.account_id = v_account_id and h.status = 'failed'
                    group by h.error_code
                ) as f
            ), '[]'
        ),
        'credits', jsonb_build_object(
            'charged', -coalesce((v_ledger ->> 'video_generation')::bigint, 0),
            'refunded', coalesce((v_ledger ->> 'video_refund')::bigint, 0),
            'goodwill', coalesce((v_ledger ->> 'goodwill_refund')::bigint, 0),
            'consumed',
            -coalesce((v_ledger ->> 'video_generation')::bigint, 0)
            - coalesce((v_ledger ->> 'video_refund')::bigint, 0)
            - coalesce((v_ledger ->> 'goodwill_refund')::bigint, 0),
            'by_type', v_ledger
        ),
        'spend_usd', (
            select private.usd(coalesce(sum(c.usd), 0))
            from public.video_generation_history as h
            inner join private.provider_calls as c on c.task_id = h.id
            where h.account_id = v_account_id
        ),
        'last_tasks', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'task_id', l.id,
                        'status', l.status,
                        'error_code', l.error_code,
                        'model', l.model,
                        'duration', l.duration,
                        'resolution', l.resolution,
                        'credit_cost', l.credit_cost,
                        'created_at', l.created_at
                    )
                    order by l.created_at desc, l.id desc
                )
                from (
                    select h.*
                    from public.video_generation_history as h
                    where h.account_id = v_account_id
                    order by h.created_at desc, h.id desc
                    limit 10
                ) as l
            ), '[]'
        )
    );
end
$$;

comment on function private.admin_get_user_video_stats(uuid) is 'Numbers of a user''s videos and credits.';
revoke all on function private.admin_get_user_video_stats(uuid) from public, anon, authenticated, service_role;
grant execute on function private.admin_get_user_video_stats(uuid) to authenticated;

create function public.admin_get_user_video_stats(user_id uuid) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_get_user_video_stats(user_id);
end;

comment on function public.admin_get_user_video_stats(uuid) is
'{user, videos, failure_reasons, credits, spend_usd, last_tasks}. Administrators only.';
revoke all on function public.admin_get_user_video_stats(uuid) from public, anon, authenticated, service_role;
grant execute on function public.admin_get_user_video_stats(uuid) to authenticated;

-- A task as administrators see it: every column that means something to a person, what it cost, and what the provider
-- said in each call, raw.
create function private.describe_task(p_task public.video_generation_history) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select to_jsonb(p_task)
        - array['id', 'account_id', 'charge_type', 'charge_amount', 'refund_type', 'resolving_lease', 'error_code',
            'error_message']
        || jsonb_build_object(
            'task_id', p_task.id,
            'error', case
                when p_task.error_code is not null then
                    jsonb_build_object('code', p_task.error_code, 'message', p_task.error_message)
            end,
            'refunded_credits', (
                select coalesce(sum(t.amount), 0)
                from public.credit_transactions as t
                where t.task_id = p_task.id and t.type in ('video_refund', 'goodwill_refund')
            ),
            'usd', (
                select private.usd(coalesce(sum(c.usd), 0))
                from private.provider_calls as c
                where c.task_id = p_task.id
            ),
            'provider_calls', coalesce(
                (
                    select jsonb_agg(
                        to_jsonb(c) - array['task_id', 'usd'] || jsonb_build_object('usd', private.usd(c.usd))
                        order by c.attempt
                    )
                    from private.provider_calls as c
                    where c.task_id = p_task.id
                ), '[]'
            )
        )
$$;

comment on function private.describe_task(public.video_generation_history) is 'A task as administrators see it.';
revoke all on function private.describe_task(public.video_generation_history)
from public, anon, authenticated, service_role;

-- A user's tasks: {items, next_cursor}. status is one of the six, or in_progress for every live one.
--
-- sort is created_at, credit_cost, duration, file_size_bytes or retry_count, with .desc (the default) or .asc; rows
-- that are equal in it follow by id, so that a page never repeats or leaves out one. By created_at a page walks an
-- index; any other order sorts the user's tasks. Raises not_admin, user_not_found, invalid_parameter.
create function private.admin_list_user_videos(
    p_user_id uuid,
    p_status text,
    p_sort text,
    p_cursor text,
    p_page_size integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_sort text := coalesce(p_sort, 'created_at');
    v_order text := split_part(v_sort, '.', 1);
    v_direction text := coalesce(nullif(split_part(v_sort, '.', 2), ''), 'desc');
    v_key text;
    v_account_id uuid;
    v_statuses text[];
    v_page_size integer;
    v_from record;
    v_tasks public.video_generation_history[];
    v_keys text[];
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    if v_sort !~ '^(created_at|credit_cost|duration|file_size_bytes|retry_count)(\.(asc|desc))?$' then
        perform private.refuse_parameter(
            'sort', '["created_at", "credit_cost", "duration", "file_size_bytes", "retry_count"]',
            'Sort by one of these, with .asc or .desc behind it.'
        );
    end if;
    if p_status not in (
        'pending', 'processing', 'downloading', 'completed', 'failed', 'cancelled', 'in_progress'
    ) then
        perform private.refuse_parameter(
            'status',
            '["pending", "processing", "downloading", "completed", "failed", "cancelled", "in_progress"]',
            'This status does not exist.'
        );
    end if;
    perform private.check_user(p_user_id);
    v_from := private.decode_place(p_cursor, v_order || '.' || v_direction);
    select a.id into v_account_id from public.credit_accounts as a where a.user_id = p_user_id;
    v_statuses := case
        when p_status = 'in_progress' then '{pending,processing,downloading}'::text[]
        when p_status is not null then array[p_status]
    end;

    -- Put together from the words checked above, so that the order is one the planner can find an index for.
    v_key := case v_order when 'file_size_bytes' then 'coalesce(h.file_size_bytes, 0)' else 'h.' || v_order end;
    execute format(
        $query$
        select array_agg(p.h), array_agg(p.key::text)
        from (
            select h, %1$s as key
            from public.video_generation_history as h
            where h.account_id = $1
                and ($2 is null or h.status = any ($2))
                and ($5 is null or (%1$s, h.id) %2$s (%3$s, $5))
            order by %1$s %4$s, h.id %4$s
            limit $3
        ) as p
        $query$,
        v_key,
        case v_direction when 'desc' then '<' else '>' end,
        case v_order when 'created_at' then 'timestamptz ''epoch'' + $4 * interval ''1 microsecond''' else '$4' end,
        v_direction
    )
    into v_tasks, v_keys
    using v_account_id, v_statuses, v_page_size + 1, v_from.value, v_from.id;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.describe_task(v_tasks[n.place]) order by n.place)
                from generate_series(1, least(v_page_size, cardinality(v_tasks))) as n (place)
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_tasks) > v_page_size then
                private.encode_place(
                    v_order || '.' || v_direction,
                    case v_order
                        when 'created_at' then (extract(epoch from v_tasks[v_page_size].created_at) * 1000000)::bigint
                        else v_keys[v_page_size]::bigint
                    end,
                    v_tasks[v_page_size].id
                )
        end
    );
end
$$;

comment on function private.admin_list_user_videos(uuid, text, text, text, integer) is 'A page of a user''s tasks.';
revoke all on function private.admin_list_user_videos(uuid, text, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_list_user_videos(uuid, text, text, text, integer) to authenticated;

create function public.admin_list_user_videos(
    user_id uuid,
    status text default null,
    sort text default 'created_at.desc',
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_user_videos(user_id, status, sort, cursor, page_size);
end;

comment on function public.admin_list_user_videos(uuid, text, text, text, integer) is
'A user''s tasks with cost and raw provider details, filtered and sorted: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_user_videos(uuid, text, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_list_user_videos(uuid, text, text, text, integer) to authenticated;

-- One task with its whole trail, for support: the task, its owner, what the ledger, the provider and administrators say
-- of it, what a worker has to do next, and the tasks that are further transfers of its clip.
-- Raises not_admin, task_not_found.
create function private.admin_get_video(p_task_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history;
begin
    perform private.require_admin();

    select * into v_task from public.video_generation_history as h where h.id = p_task_id;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    return jsonb_build_object(
        'task', private.describe_task(v_task),
        -- Null once the user is deleted.
        'user', private.describe_user(v_task.user_id),
        'job', (
            select to_jsonb(j) - array['task_id', 'account_id', 'model', 'lease_token', 'attempt_lease', 'last_lease']
            from private.video_jobs as j
            where j.task_id = p_task_id
        ),
        'ledger', coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'id', t.id,
                            'type', t.type,
                            'amount', t.amount,
                            'balance_before', t.balance_before,
                            'balance_after', t.balance_after,
                            'actor', t.actor,
                            'reason', t.reason,
                            'created_at', t.created_at
                        )
                        order by t.entry_no
                    )
                from public.credit_transactions as t
                where t.task_id = p_task_id
            ), '[]'
        ),
        'admin_actions', coalesce(
            (
                select jsonb_agg(to_jsonb(a) - array['user_id', 'task_id'] order by a.id)
                from private.admin_actions as a
                where a.task_id = p_task_id
            ), '[]'
        ),
        'retries', coalesce(
            (
                select
                    jsonb_agg(
                        jsonb_build_object('task_id', h.id, 'status', h.status, 'created_at', h.created_at)
                        order by h.created_at, h.id
                    )
                from public.video_generation_history as h
                where h.retry_of = p_task_id
            ), '[]'
        )
    );
end
$$;

comment on function private.admin_get_video(uuid) is 'One task with its whole trail.';
revoke all on function private.admin_get_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.admin_get_video(uuid) to authenticated;

create function public.admin_get_video(task_id uuid) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_get_video(task_id);
end;

comment on function public.admin_get_video(uuid) is
'One task with its whole trail: {task, user, job, ledger, admin_actions, retries}. Administrators only.';
revoke all on function public.admin_get_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.admin_get_video(uuid) to authenticated;

-- Live tasks that do not move as they should, oldest first: {items, next_cursor}. Reads the queue, which holds live
-- tasks alone. A task may be stuck for several reasons:
--
--   not_picked_up   its job was due more than three ticks (30 s) ago, and no worker took it
--   overdue         it is older than its kind of video ever takes (slow_seconds of the catalogue)
--   past_deadline   the sweep should have settled it
--   refused         the provider refused it, and it waits to be sent again
--   lost            the reply to its create call got lost, and its clip is being looked for
--
-- Raises not_admin, invalid_parameter.
create function private.admin_list_stuck_tasks(p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_now timestamptz := private.now();
    v_page_size integer;
    v_from record;
    v_page jsonb;
begin
    perform private.require_admin();
    v_page_size := private.checked_page_size(p_page_size);
    v_from := private.decode_place(p_cursor, 'stuck');

    select jsonb_agg(p.item order by p.created_at, p.id) into v_page
    from (
        select
            h.created_at,
            h.id,
            jsonb_build_object(
                'task_id', h.id,
                'user_id', h.user_id,
                'status', h.status,
                'stage', j.stage,
                'reasons', to_jsonb(r.reasons),
                'model', h.model,
                'created_at', h.created_at,
                'age_seconds', extract(epoch from v_now - h.created_at)::integer,
                'due_at', j.due_at,
                'deadline_at', j.deadline_at,
                'leased_by', j.leased_by,
                'submit_attempt', j.submit_attempt,
                'refusals', j.refusals,
                'last_refusal', j.last_refusal,
                'download_attempt', j.download_attempt
            ) as item
        from private.video_jobs as j
        inner join public.video_generation_history as h on h.id = j.task_id
        left join lateral (
            select o.slow_seconds
            from public.video_model_options as o
            where o.model = h.model
                and o.resolution = h.resolution
                and o.duration = h.duration
                and o.valid_from <= h.created_at
            order by o.valid_from desc
            limit 1
        ) as o on true
        cross join lateral (
            select array_remove(
                array[
                    case when j.due_at < v_now - interval '30 seconds' then 'not_picked_up' end,
                    case when h.created_at < v_now - o.slow_seconds * interval '1 second' then 'overdue' end,
                    case when j.deadline_at < v_now then 'past_deadline' end,
                    case when j.stage = 'submit' and j.refusals > 0 then 'refused' end,
                    case when j.stage = 'reconcile' then 'lost' end
                ], null
            ) as reasons
        ) as r
        where r.reasons <> '{}'
            and (
                v_from.id is null
                or (h.created_at, h.id) > (timestamptz 'epoch' + v_from.value * interval '1 microsecond', v_from.id)
            )
        order by h.created_at, h.id
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(i.item order by i.place)
                from jsonb_array_elements(v_page) with ordinality as i (item, place)
                where i.place <= v_page_size
            ), '[]'
        ),
        'next_cursor', case
            when jsonb_array_length(v_page) > v_page_size then
                private.encode_place(
                    'stuck',
                    (extract(epoch from (v_page -> (v_page_size - 1) ->> 'created_at')::timestamptz) * 1000000)::bigint,
                    (v_page -> (v_page_size - 1) ->> 'task_id')::uuid
                )
        end
    );
end
$$;

comment on function private.admin_list_stuck_tasks(text, integer) is 'Live tasks that do not move as they should.';
revoke all on function private.admin_list_stuck_tasks(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_list_stuck_tasks(text, integer) to authenticated;

create function public.admin_list_stuck_tasks(
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_stuck_tasks(cursor, page_size);
end;

comment on function public.admin_list_stuck_tasks(text, integer) is
'Live tasks that do not move as they should, oldest first: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_stuck_tasks(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_list_stuck_tasks(text, integer) to authenticated;

-- What the product did in a period, and how it is at this moment.

-- Figures, rates and times of the tasks ordered in [p_from, p_to), grouped by day and model.
--
-- Everything of a task counts on the UTC day it was ordered, so that revenue and cost of a line are those of the same
-- tasks. Revenue is what completed tasks cost, less goodwill, at credit_value_usd; cost is what the provider may have
-- charged for all of them. Free retries of a transfer are no orders and are left out. Reads the tasks and calls of the
-- period once, by their index.
create function private.summarize_period(p_from timestamptz, p_to timestamptz) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_credit_usd numeric := (select s.credit_value_usd from private.settings as s);
begin
    return (
        with tasks as (
            select
                h.id,
                h.account_id,
                h.status,
                h.model,
                h.duration,
                h.credit_cost,
                h.error_code,
                h.created_at,
                h.completed_at,
                (h.created_at at time zone 'utc')::date as day
            from public.video_generation_history as h
            where h.created_at >= p_from and h.created_at < p_to and h.retry_of is null
        ),

        -- A task is sent within a day of its order (the longest deadline), and again within another.
        calls as (
            select
                c.task_id,
                sum(c.usd) as usd,
                max(c.created_at) filter (where c.outcome = 'succeeded') as sent_at,
                max(c.ended_at) filter (where c.outcome = 'succeeded') as made_at
            from private.provider_calls as c
            where c.created_at >= p_from and c.created_at < p_to + interval '2 days'
            group by c.task_id
        ),

        goodwill as (
            select t.task_id, sum(t.amount) as credits
            from public.credit_transactions as t
            where t.type = 'goodwill_refund'
            group by t.task_id
        ),

        facts as materialized (
            select
                t.*,
                case when t.status = 'completed' then t.credit_cost - coalesce(g.credits, 0) else 0 end as credits,
                coalesce(c.usd, 0) as usd,
                c.sent_at,
                c.made_at,
                r.stars
            from tasks as t
            left join calls as c on c.task_id = t.id
            left join goodwill as g on g.task_id = t.id
            left join public.video_ratings as r on r.task_id = t.id
        ),

        lines as materialized (
            select
                f.day,
                f.model,
                grouping(f.day) = 0 as is_of_a_day,
                grouping(f.model) = 0 as is_of_a_model,
                count(distinct f.account_id) as generators,
                jsonb_build_object(
                    'tasks', count(*),
                    'completed', count(*) filter (where f.status = 'completed'),
                    'failed', count(*) filter (where f.status = 'failed'),
                    'cancelled', count(*) filter (where f.status = 'cancelled'),
                    'in_progress', count(*) filter (where f.status in ('pending', 'processing', 'downloading')),
                    'generators', count(distinct f.account_id),
                    'success_rate', round(
                        count(*) filter (where f.status = 'completed')::numeric
                        / nullif(count(*) filter (where f.status in ('completed', 'failed')), 0), 4
                    ),
                    'download_rate', round(
                        count(*) filter (where f.status = 'completed')::numeric
                        / nullif(
                            count(*) filter (
                                where f.status = 'completed' or f.error_code in ('download_failed', 'video_expired')
                            ), 0
                        ), 4
                    ),
                    'credits', coalesce(sum(f.credits), 0),
                    'revenue_usd', private.usd(coalesce(sum(f.credits), 0) * v_credit_usd),
                    'cost_usd', private.usd(coalesce(sum(f.usd), 0)),
                    'margin_usd', private.usd(coalesce(sum(f.credits) * v_credit_usd - sum(f.usd), 0)),
                    'margin_rate', round(1 - sum(f.usd) / nullif(sum(f.credits) * v_credit_usd, 0), 4),
                    'ratings', count(f.stars),
                    'average_stars', round(avg(f.stars), 2)
                ) as figures
            from facts as f
            group by grouping sets ((f.day, f.model), (f.day), (f.model), ())
        )

        select jsonb_build_object(
            'totals', (select l.figures from lines as l where not l.is_of_a_day and not l.is_of_a_model),
            'by_day', coalesce(
                (
                    select jsonb_agg(jsonb_build_object('day', l.day) || l.figures order by l.day)
                    from lines as l
                    where l.is_of_a_day and not l.is_of_a_model
                ), '[]'
            ),
            'by_model', coalesce(
                (
                    select jsonb_agg(jsonb_build_object('model', l.model) || l.figures order by l.model)
                    from lines as l
                    where l.is_of_a_model and not l.is_of_a_day
                ), '[]'
            ),
            'by_day_and_model', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object('day', l.day, 'model', l.model) || l.figures order by l.day, l.model
                    )
                    from lines as l
                    where l.is_of_a_day and l.is_of_a_model
                ), '[]'
            ),
            'failure_reasons', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object('error_code', r.error_code, 'count', r.tasks)
                        order by r.tasks desc, r.error_code
                    )
                    from (
                        select f.error_code, count(*) as tasks
                        from facts as f
                        where f.status = 'failed'
                        group by f.error_code
                    ) as r
                ), '[]'
            ),
            'kpis', (
                select jsonb_build_object(
                    'daily_active_generators', round(
                        coalesce((select sum(l.generators) from lines as l where l.is_of_a_day and not l.is_of_a_model), 0)
                        / extract(day from p_to - p_from)::numeric, 2
                    ),
                    'videos_per_user', round(k.completed::numeric / nullif(k.generators, 0), 2),
                    'popular_duration', (
                        select f.duration
                        from facts as f
                        group by f.duration
                        order by count(*) desc, f.duration
                        limit 1
                    ),
                    'durations', coalesce(
                        (
                            select jsonb_object_agg(d.duration, d.tasks)
                            from (select f.duration, count(*) as tasks from facts as f group by f.duration) as d
                        ), '{}'
                    ),
                    'revenue_per_video_usd', private.usd(k.credits * v_credit_usd / nullif(k.completed, 0)),
                    'cost_per_video_usd', private.usd(k.usd / nullif(k.completed, 0)),
                    'repeat_use', round(k.returning_generators::numeric / nullif(k.generators, 0), 4)
                )
                from (
                    select
                        coalesce(sum(g.credits), 0) as credits,
                        coalesce(sum(g.usd), 0) as usd,
                        coalesce(sum(g.completed), 0) as completed,
                        count(*) as generators,
                        count(*) filter (where g.days > 1) as returning_generators
                    from (
                        select
                            sum(f.credits) as credits,
                            sum(f.usd) as usd,
                            count(*) filter (where f.status = 'completed') as completed,
                            count(distinct f.day) as days
                        from facts as f
                        group by f.account_id
                    ) as g
                ) as k
            ),
            'latency_seconds', (
                select jsonb_object_agg(
                    n.name,
                    jsonb_build_object(
                        'p50', round(p.seconds[1]::numeric, 1),
                        'p90', round(p.seconds[2]::numeric, 1),
                        'p99', round(p.seconds[3]::numeric, 1)
                    )
                )
                from unnest(array['queue', 'generation', 'transfer', 'total']) as n (name)
                left join lateral (
                    select
                        percentile_cont(array[0.5, 0.9, 0.99]) within group (
                            order by extract(
                                epoch from case n.name
                                    when 'queue' then f.sent_at - f.created_at
                                    when 'generation' then f.made_at - f.sent_at
                                    when 'transfer' then f.completed_at - f.made_at
                                    else f.completed_at - f.created_at
                                end
                            )::double precision
                        ) as seconds
                    from facts as f
                    where f.status = 'completed'
                ) as p on true
            )
        )
    );
end
$$;

comment on function private.summarize_period(timestamptz, timestamptz) is
'Figures, rates and times of the tasks ordered in a period.';
revoke all on function private.summarize_period(timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- What part of the credits spent in a period, less what came back in it, went into videos. Null if none were.
create function private.video_share_of_credits(p_from timestamptz, p_to timestamptz) returns numeric
language sql
stable
security definer
set search_path = ''
as $$
    select round(greatest(s.video, 0)::numeric / nullif(greatest(s.video, 0) + greatest(s.image, 0), 0), 4)
    from (
        select
            -sum(t.amount) filter (
                where t.type in ('video_generation', 'video_refund', 'goodwill_refund')
            ) as video,
            -sum(t.amount) filter (where t.type in ('image_generation', 'image_refund')) as image
        from public.credit_transactions as t
        where t.created_at >= p_from and t.created_at < p_to
    ) as s
$$;

comment on function private.video_share_of_credits(timestamptz, timestamptz) is
'The part of the credits spent in a period that went into videos.';
revoke all on function private.video_share_of_credits(timestamptz, timestamptz)
from public, anon, authenticated, service_role;

-- How it is at this moment: spend against the cap, the queue, open alerts, who was heard of when.
create function private.describe_operation() returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'at', n.at,
        'spend', jsonb_build_object(
            'day', (n.at at time zone 'utc')::date,
            'usd', private.usd(coalesce(d.usd, 0)),
            'cap_usd', private.usd(s.daily_spend_cap_usd),
            'alert_usd', private.usd(s.daily_cost_alert_usd),
            'share_of_cap', round(coalesce(d.usd, 0) / nullif(s.daily_spend_cap_usd, 0), 4)
        ),
        'queue', (
            select jsonb_build_object(
                'live_tasks', count(*),
                'due', count(*) filter (where j.due_at <= n.at),
                'oldest_due_seconds', extract(epoch from n.at - least(min(j.due_at), n.at))::integer,
                'stages', jsonb_build_object(
                    'submit', count(*) filter (where j.stage = 'submit'),
                    'submitting', count(*) filter (where j.stage = 'submitting'),
                    'reconcile', count(*) filter (where j.stage = 'reconcile'),
                    'poll', count(*) filter (where j.stage = 'poll'),
                    'transfer', count(*) filter (where j.stage = 'transfer')
                ),
                'file_jobs', (select count(*) from private.file_jobs)
            )
            from private.video_jobs as j
        ),
        'alerts', (
            select jsonb_build_object(
                'critical', count(*) filter (where a.severity = 'critical'),
                'warning', count(*) filter (where a.severity = 'warning'),
                'info', count(*) filter (where a.severity = 'info')
            )
            from private.alerts as a
            where a.acknowledged_at is null
        ),
        'workers', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'worker_id', h.worker_id,
                        'version', h.version,
                        'started_at', h.started_at,
                        'silent_seconds', greatest(extract(epoch from n.at - h.beat_at)::integer, 0)
                    )
                    order by h.beat_at desc, h.worker_id
                )
                from private.worker_heartbeats as h
                where h.worker_id <> 'pg_cron' and h.beat_at > n.at - interval '1 day'
            ), '[]'
        ),
        'cron_silent_seconds', (
            select greatest(extract(epoch from n.at - h.beat_at)::integer, 0)
            from private.worker_heartbeats as h
            where h.worker_id = 'pg_cron'
        )
    )
    from (select private.now() as at offset 0) as n
    cross join private.settings as s
    left join private.daily_spend as d on d.day = (n.at at time zone 'utc')::date
$$;

comment on function private.describe_operation() is 'Spend, queue, alerts and signs of life at this moment.';
revoke all on function private.describe_operation() from public, anon, authenticated, service_role;

-- The dashboard of the UTC days from p_from to p_to, both included: by default the last 30. Raises not_admin,
-- invalid_parameter.
create function private.admin_get_dashboard(p_from date, p_to date) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_to date := coalesce(p_to, (private.now() at time zone 'utc')::date);
    v_from date := coalesce(p_from, v_to - 29);
    v_start timestamptz;
    v_end timestamptz;
    v_period jsonb;
begin
    perform private.require_admin();
    if not (isfinite(v_from) and isfinite(v_to)) or v_to < v_from or v_to - v_from > 91 then
        perform private.refuse_parameter(
            'from', '{"minimum_days": 1, "maximum_days": 92}', 'Ask for 1 to 92 days, from the first to the last.'
        );
    end if;

    v_start := v_from::timestamp at time zone 'utc';
    v_end := (v_to + 1)::timestamp at time zone 'utc';
    v_period := private.summarize_period(v_start, v_end);

    return v_period || jsonb_build_object(
        'from', v_from,
        'to', v_to,
        'kpis', v_period -> 'kpis' || jsonb_build_object(
            'satisfaction', v_period #> '{totals,average_stars}',
            'video_share_of_credits', private.video_share_of_credits(v_start, v_end),
            'margin_usd', v_period #> '{totals,margin_usd}',
            'margin_rate', v_period #> '{totals,margin_rate}'
        ),
        'spend_by_day', coalesce(
            (
                select jsonb_agg(jsonb_build_object('day', d.day, 'usd', private.usd(d.usd)) order by d.day)
                from private.daily_spend as d
                where d.day between v_from and v_to
            ), '[]'
        ),
        'now', private.describe_operation()
    );
end
$$;

comment on function private.admin_get_dashboard(date, date) is 'Figures of a period, and how it is now.';
revoke all on function private.admin_get_dashboard(date, date) from public, anon, authenticated, service_role;
grant execute on function private.admin_get_dashboard(date, date) to authenticated;

create function public.admin_get_dashboard("from" date default null, "to" date default null) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_get_dashboard("from", "to");
end;

comment on function public.admin_get_dashboard(date, date) is
'Cost, margin, KPIs, rates and times of up to 92 UTC days, and how it is now. Administrators only.';
revoke all on function public.admin_get_dashboard(date, date) from public, anon, authenticated, service_role;
grant execute on function public.admin_get_dashboard(date, date) to authenticated;
