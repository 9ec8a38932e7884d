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
