-- What a row of each status holds, in both directions. Each change below breaks one rule and no other.
begin;
select plan(54);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset

create temporary table task as
select
    s.status,
    tests.create_video(:'user_id', s.status) as id
from unnest('{pending,processing,downloading,completed,failed,cancelled}'::text[]) as s (status);

-- So that the state machine does not speak first.
set constraints all immediate;
alter table public.video_generation_history disable trigger status_moves_are_allowed;
set constraints all deferred;

-- The constraint that refuses a change of a row, or 'allowed'. Leaves nothing behind.
create function pg_temp.refused_by(p_change text) returns text
language plpgsql
as $$
declare
    v_constraint text;
begin
    execute p_change;
    raise exception using errcode = 'UNDO1';
exception
    when sqlstate 'UNDO1' then
        return 'allowed';
    when check_violation or unique_violation or foreign_key_violation or not_null_violation then
        get stacked diagnostics v_constraint = constraint_name;
        return v_constraint;
end
$$;

select
    is(
        pg_temp.refused_by(format('update public.video_generation_history set %s where id = %L', c.change, t.id)),
        c.rule,
        c.status || ' with ' || c.change
    )
from (
    values
    (1, 'pending', 'status = ''done'', ended_at = private.now()', 'status_is_known'),
    (2, 'pending', 'aspect_ratio = ''1:1''', 'aspect_ratio_is_offered'),
    (3, 'pending', 'resolution = ''4k''', 'resolution_is_offered'),
    (4, 'pending', 'duration = 5', 'duration_is_offered'),
    (5, 'pending', 'credit_cost = -1, charge_id = null', 'cost_is_never_negative'),
    (6, 'pending', 'retry_count = -1', 'retry_count_is_never_negative'),
    (7, 'pending', 'idempotency_key = ''''', 'idempotency_key_is_short'),
    (8, 'pending', 'idempotency_key = repeat(''k'', 256)', 'idempotency_key_is_short'),
    (9, 'pending', 'prompt = null', 'prompt_stays_until_deletion'),
    (10, 'pending', 'user_id = null', 'person_leaves_only_with_the_content'),
    (11, 'pending', 'reference_image_path = ''a/b.png''', 'reference_image_has_bucket_and_path'),
    (12, 'pending', 'reference_image_bucket = ''images''', 'reference_image_has_bucket_and_path'),
    (13, 'pending', 'model = ''no-such-model''', 'video_generation_history_model_fkey'),
    (14, 'pending', 'account_id = gen_random_uuid()', 'video_generation_history_account_id_fkey'),

    (20, 'pending', 'ended_at = private.now()', 'only_live_tasks_have_not_ended'),
    (21, 'processing', 'ended_at = private.now()', 'only_live_tasks_have_not_ended'),
    (22, 'downloading', 'ended_at = private.now()', 'only_live_tasks_have_not_ended'),
    (23, 'completed', 'ended_at = null', 'only_live_tasks_have_not_ended'),
    (24, 'failed', 'ended_at = null', 'only_live_tasks_have_not_ended'),
    (25, 'cancelled', 'ended_at = null', 'only_live_tasks_have_not_ended'),
    (26, 'processing', 'deleted_at = private.now()', 'only_ended_tasks_are_deleted'),
    (27, 'failed', 'ended_at = created_at - interval ''1 second''', 'times_are_ordered'),
    (28, 'completed', 'completed_at = created_at - interval ''1 second''', 'times_are_ordered'),

    (30, 'completed', 'completed_at = null', 'completed_means_completed_at'),
    (31, 'downloading', 'completed_at = private.now()', 'completed_means_completed_at'),
    (32, 'completed', 'downloaded_at = null', 'completed_means_downloaded'),
    (33, 'failed', 'downloaded_at = private.now()', 'completed_means_downloaded'),
    (34, 'completed', 'permanent_video_url = null', 'completed_means_stored'),
    (35, 'completed', 'file_size_bytes = null', 'completed_means_stored'),
    (36, 'completed', 'sha256 = null', 'completed_means_stored'),
    (37, 'completed', 'width = null', 'completed_means_stored'),
    (38, 'completed', 'video_duration = null', 'completed_means_stored'),
    (39, 'downloading', 'permanent_video_url = ''videos/x.mp4''', 'completed_means_stored'),
    (40, 'failed', 'thumbnail_url = ''videos/x.jpg''', 'completed_means_stored'),
    (41, 'completed', 'file_size_bytes = 0', 'file_is_not_empty'),
    (42, 'completed', 'sha256 = ''00''', 'file_checksum_is_sha256'),
    (43, 'completed', 'height = 0', 'clip_has_a_size_and_a_length'),

    (50, 'failed', 'error_code = null, error_message = null', 'failed_means_error'),
    (51, 'failed', 'error_message = null', 'failed_means_error'),
    (52, 'pending', 'error_code = ''timeout'', error_message = ''x''', 'failed_means_error'),
    (53, 'pending', 'operation_id = ''x''', 'pending_means_not_accepted'),
    (54, 'processing', 'operation_id = null', 'processing_means_accepted'),
    (55, 'downloading', 'google_video_url = null', 'downloading_means_made'),

    (60, 'pending', 'charge_id = null', 'task_is_charged_unless_free'),
    (61, 'pending', 'credit_cost = 0', 'task_is_charged_unless_free'),
    (62, 'completed', 'refund_id = gen_random_uuid()', 'no_task_ends_without_its_refund'),
    (63, 'failed', 'refund_id = null', 'no_task_ends_without_its_refund'),
    (64, 'cancelled', 'refund_id = null', 'no_task_ends_without_its_refund'),
    (65, 'pending', 'refund_id = gen_random_uuid()', 'no_task_ends_without_its_refund'),
    (
        66, 'pending', 'retry_of = gen_random_uuid(), credit_cost = 0, charge_id = null',
        'video_generation_history_retry_of_fkey'
    )
) as c (place, status, change, rule)
inner join task as t on t.status = c.status
order by c.place;

-- What is unique, and what a retry is.
select is(
    pg_temp.refused_by(format(
        'update public.video_generation_history set operation_id = %L where id = %L',
        (tests.task(p.id)).operation_id, d.id
    )),
    'operation_id_is_unique', 'an operation belongs to one task'
)
from task as p
inner join task as d on d.status = 'downloading'
where p.status = 'processing';

select is(
    pg_temp.refused_by(format(
        'update public.video_generation_history set charge_id = %L where id = %L', (tests.task(p.id)).charge_id, d.id
    )),
    'charge_pays_one_task', 'a charge pays one task'
)
from task as p
inner join task as d on d.status = 'downloading'
where p.status = 'processing';

select is(
    pg_temp.refused_by(format(
        'update public.video_generation_history set refund_id = %L where id = %L', (tests.task(f.id)).refund_id, c.id
    )),
    'refund_settles_one_task', 'a refund settles one task'
)
from task as f
inner join task as c on c.status = 'cancelled'
where f.status = 'failed';

select is(
    pg_temp.refused_by(format(
        'update public.video_generation_history set retry_of = %L where id = %L', f.id, p.id
    )),
    'retry_is_free', 'a retry costs nothing'
)
from task as f
inner join task as p on p.status = 'pending'
where f.status = 'failed';

select finish();
rollback;
