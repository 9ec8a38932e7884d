-- The status shape that clients poll, for a row its caller may see.
create function private.video_status(p_task public.video_generation_history) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_is_live boolean := p_task.ended_at is null;
    v_elapsed integer := extract(epoch from coalesce(p_task.ended_at, private.now()) - p_task.created_at)::integer;
    v_typical integer;
    v_slow integer;
    v_refunded integer := 0;
begin
    if v_is_live then
        select e.typical_seconds, e.slow_seconds
        into v_typical, v_slow
        from private.duration_estimates as e
        where e.model = p_task.model and e.resolution = p_task.resolution and e.duration = p_task.duration;
    end if;

    if v_is_live and v_slow is null then
        select o.typical_seconds, o.slow_seconds
        into v_typical, v_slow
        from public.video_model_options as o
        where o.model = p_task.model
            and o.resolution = p_task.resolution
            and o.duration = p_task.duration
            and o.valid_from <= p_task.created_at
        order by o.valid_from desc
        limit 1;
    elsif not v_is_live then
        select coalesce(sum(t.amount), 0)::integer
        into v_refunded
        from public.credit_transactions as t
        where t.task_id = p_task.id and t.type in ('video_refund', 'goodwill_refund');
    end if;

    return jsonb_build_object(
        'task_id', p_task.id,
        'status', p_task.status,
        'created_at', p_task.created_at,
        'completed_at', p_task.completed_at,
        'elapsed_seconds', v_elapsed,
        'estimated_remaining_seconds', greatest(v_typical - v_elapsed, 0),
        'is_overdue', coalesce(v_elapsed > v_slow, false),
        'credit_cost', p_task.credit_cost,
        'refunded_credits', v_refunded,
        'retry_count', p_task.retry_count,
        'retry_of', p_task.retry_of,
        'video', case
            when p_task.status = 'completed' and p_task.permanent_video_url is not null then
                jsonb_build_object(
                    'bucket', 'videos',
                    'path', substr(p_task.permanent_video_url, length('videos/') + 1),
                    'thumbnail_path', substr(p_task.thumbnail_url, length('videos/') + 1),
                    'duration', p_task.duration,
                    'width', p_task.width,
                    'height', p_task.height,
                    'file_size_bytes', p_task.file_size_bytes
                )
        end,
        'error', case
            when p_task.error_code is not null then
                jsonb_build_object('code', p_task.error_code, 'message', p_task.error_message)
        end
    );
end
$$;

comment on function private.video_status(public.video_generation_history) is 'The status shape of a task.';
revoke all on function private.video_status(public.video_generation_history)
from public, anon, authenticated, service_role;
