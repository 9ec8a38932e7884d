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
