-- pending -> processing -> downloading -> completed; failed from each of the three; cancelled from pending. Nothing
-- else, whoever writes: every pair of statuses is tried on a row that would satisfy every other rule.
begin;
select plan(42);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset

create temporary table task as
select
    s.status,
    tests.create_video(:'user_id', s.status) as id
from unnest('{pending,processing,downloading,completed,failed,cancelled}'::text[]) as s (status);

create temporary table allowed_move (old text, new text);
insert into allowed_move (old, new) values
('pending', 'processing'), ('pending', 'failed'), ('pending', 'cancelled'),
('processing', 'downloading'), ('processing', 'failed'),
('downloading', 'completed'), ('downloading', 'failed');

-- The constraint that refuses a move, or 'allowed'. Leaves nothing behind.
create function pg_temp.try_move(p_task_id uuid, p_status text) returns text
language plpgsql
as $$
declare
    v_constraint text;
begin
    update public.video_generation_history as h
    set
        status = p_status,
        operation_id = case when p_status <> 'pending' then 'operations/' || h.id end,
        google_video_url = 'gs://clips/1.mp4',
        ended_at = case when p_status in ('completed', 'failed', 'cancelled') then private.now() end,
        completed_at = case when p_status = 'completed' then private.now() end,
        downloaded_at = case when p_status = 'completed' then private.now() end,
        permanent_video_url = case when p_status = 'completed' then 'videos/x.mp4' end,
        thumbnail_url = null,
        file_size_bytes = case when p_status = 'completed' then 1 end,
        sha256 = case when p_status = 'completed' then repeat('ab', 32) end,
        width = case when p_status = 'completed' then 1280 end,
        height = case when p_status = 'completed' then 720 end,
        video_duration = case when p_status = 'completed' then 8 end,
        error_code = case when p_status = 'failed' then 'timeout' end,
        error_message = case when p_status = 'failed' then 'It took too long.' end,
        refund_id = case when p_status in ('failed', 'cancelled') then gen_random_uuid() end
    where h.id = p_task_id;
    raise exception using errcode = 'UNDO1';
exception
    when sqlstate 'UNDO1' then
        return 'allowed';
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        return v_constraint;
end
$$;

select
    is(
        pg_temp.try_move(t.id, n.status),
        case
            when exists (
                select
                from allowed_move as a
                where a.old = t.status and a.new = n.status
            ) then 'allowed'
            else 'status_moves_are_allowed'
        end,
        t.status || ' -> ' || n.status
    )
from task as t
cross join task as n
where t.status <> n.status
order by t.status, n.status;

-- Birth --------------------------------------------------------------------------------------------------------------
create function pg_temp.try_birth(p_user_id uuid, p_status text, p_retry_of uuid) returns text
language plpgsql
as $$
declare
    v_constraint text;
begin
    insert into public.video_generation_history (
        account_id, user_id, status, prompt, aspect_ratio, resolution, duration, model, request, credit_cost, retry_of,
        operation_id, google_video_url, ended_at, completed_at, downloaded_at, permanent_video_url, file_size_bytes,
        sha256, width, height, video_duration, error_code, error_message, created_at
    )
    select
        a.id, p_user_id, p_status, 'a cat', '16:9', '720p', 8, 'veo-3.1', '{}', 0, p_retry_of,
        case when p_status <> 'pending' then 'operations/new' end, 'gs://clips/1.mp4',
        case when p_status in ('completed', 'failed', 'cancelled') then private.now() end,
        case when p_status = 'completed' then private.now() end,
        case when p_status = 'completed' then private.now() end,
        case when p_status = 'completed' then 'videos/x.mp4' end,
        case when p_status = 'completed' then 1 end,
        case when p_status = 'completed' then repeat('ab', 32) end,
        case when p_status = 'completed' then 1280 end,
        case when p_status = 'completed' then 720 end,
        case when p_status = 'completed' then 8 end,
        case when p_status = 'failed' then 'timeout' end,
        case when p_status = 'failed' then 'It took too long.' end,
        private.now()
    from public.credit_accounts as a
    where a.user_id = p_user_id;
    raise exception using errcode = 'UNDO1';
exception
    when sqlstate 'UNDO1' then
        return 'allowed';
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        return v_constraint;
end
$$;

select
    is(
        pg_temp.try_birth(:'user_id', t.status, null),
        case t.status when 'pending' then 'allowed' else 'status_moves_are_allowed' end,
        'a task born ' || t.status
    )
from task as t
order by t.status;

select
    is(
        pg_temp.try_birth(:'user_id', t.status, f.id),
        case when t.status in ('pending', 'downloading') then 'allowed' else 'status_moves_are_allowed' end,
        'a retry born ' || t.status
    )
from task as t
inner join task as f on f.status = 'failed'
order by t.status;

select finish();
rollback;
