-- How a task is ordered, cancelled, ended and forgotten.
-- First version: made from sql/schema/60_lifecycle, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- Locks a task from the top: its account, then its row. Returns null for an unknown task.
--
-- Lock order, everywhere: accounts in id order -> history -> jobs -> daily rows. The account is read unlocked first
-- (it never changes), so the order holds for callers who only know the task.
create function private.lock_task(p_task_id uuid) returns public.video_generation_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_account_id uuid;
    v_task public.video_generation_history;
begin
    select h.account_id into v_account_id from public.video_generation_history as h where h.id = p_task_id;
    if not found then
        return null;
    end if;

    perform from public.credit_accounts as a where a.id = v_account_id for update;
    select * into strict v_task from public.video_generation_history as h where h.id = p_task_id for update;
    return v_task;
end
$$;

comment on function private.lock_task(uuid) is 'Locks a task''s account and row, in this order. Null if unknown.';
revoke all on function private.lock_task(uuid) from public, anon, authenticated, service_role;

-- Notes what became of a provider call, and gives its USD back to the day if it was surely not charged.
create function private.book_call(
    p_task_id uuid,
    p_attempt integer,
    p_outcome text,
    p_is_charged boolean,
    p_detail jsonb default null
) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_call private.provider_calls;
begin
    select * into v_call
    from private.provider_calls as c
    where c.task_id = p_task_id and c.attempt = p_attempt
    for update;

    update private.provider_calls as c
    set
        outcome = p_outcome,
        usd = case when p_is_charged then c.usd else 0 end,
        detail = c.detail || coalesce(p_detail, '{}'),
        ended_at = case when p_outcome in ('accepted', 'unknown') then null else private.now() end
    where c.task_id = p_task_id and c.attempt = p_attempt;

    if not p_is_charged and v_call.usd > 0 then
        update private.daily_spend as d
        set usd = greatest(d.usd - v_call.usd, 0)
        where d.day = v_call.day;
    end if;
end
$$;

comment on function private.book_call(uuid, integer, text, boolean, jsonb) is
'Notes the outcome of a provider call; returns its USD to the day when it was surely not charged.';
revoke all on function private.book_call(uuid, integer, text, boolean, jsonb)
from public, anon, authenticated, service_role;

-- Ends a task without a file: refund, status, reason, and everything that has to be tidied up.
--
-- The only function that fails or cancels a task. The caller holds the locks of private.lock_task and passes its
-- row. The refund entry, the status and the removal of the job are one transaction; the keys of settlement refuse
-- anything less. Returns the row as it is then.
create function private.end_task(
    p_task public.video_generation_history,
    p_status text,
    p_error_code text,
    p_actor text,
    p_lease uuid default null,
    p_detail jsonb default '{}'
) returns public.video_generation_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_task public.video_generation_history;
    v_failure private.failure_codes;
    v_job private.video_jobs;
    v_call private.provider_calls;
    v_settings private.settings;
    v_refund_id uuid;
    v_now timestamptz := private.now();
begin
    if p_error_code is not null then
        select * into strict v_failure from private.failure_codes as f where f.code = p_error_code;
    end if;
    select * into v_settings from private.settings;

    if p_task.credit_cost > 0 then
        v_refund_id := (
            private.post_entry(
                p_task.account_id, 'video_refund', p_task.credit_cost, p_actor, p_task.id,
                p_reason => coalesce(p_error_code, p_status)
            )
        ).id;
    end if;

    update public.video_generation_history as h
    set
        status = p_status,
        error_code = p_error_code,
        error_message = v_failure.message,
        refund_id = v_refund_id,
        resolving_lease = p_lease,
        ended_at = v_now
    where h.id = p_task.id
    returning * into v_task;

    delete from private.video_jobs as j where j.task_id = p_task.id returning * into v_job;

    select * into v_call
    from private.provider_calls as c
    where c.task_id = p_task.id and c.attempt = v_job.submit_attempt;

    if v_call.outcome in ('in_flight', 'accepted', 'unknown') then
        perform private.book_call(
            p_task.id,
            v_call.attempt,
            case
                when p_error_code = 'safety_filter' then 'filtered'
                when v_failure.is_charged is not false then
                    case v_call.outcome when 'accepted' then 'abandoned' else 'unknown' end
                when v_call.outcome = 'in_flight' then 'rejected'
                else 'failed'
            end,
            coalesce(v_failure.is_charged, true),
            p_detail
        );
    end if;

    -- The provider may still be writing: its copy is deleted once it cannot be any more. A clip that could not be
    -- downloaded stays as long as the provider keeps it, for an administrator's retry.
    insert into private.file_jobs (kind, path, due_at)
    select 'delete_google', c.output_prefix,
        greatest(
            v_now + v_settings.generation_deadline,
            case when p_error_code = 'download_failed' then v_job.deadline_at end
        )
    from private.provider_calls as c
    where c.task_id = p_task.id and c.outcome not in ('refused', 'rejected');

    if v_job.stage = 'transfer' then
        -- A worker may be uploading at this moment; what it leaves behind belongs to nobody.
        insert into private.file_jobs (kind, bucket, path, due_at)
        select 'delete', 'videos', p_task.user_id || '/' || p_task.id || f.ending, v_now + 10 * v_settings.lease_period
        from (values ('.mp4'), ('.jpg')) as f (ending);
    end if;

    return v_task;
end
$$;

comment on function private.end_task(public.video_generation_history, text, text, text, uuid, jsonb) is
'Fails or cancels a locked task: refund, status and clean-up in one transaction.';
revoke all on function private.end_task(public.video_generation_history, text, text, text, uuid, jsonb)
from public, anon, authenticated, service_role;

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
        select o.typical_seconds, o.slow_seconds
        into v_typical, v_slow
        from public.video_model_options as o
        where o.model = p_task.model
            and o.resolution = p_task.resolution
            and o.duration = p_task.duration
            and o.valid_from <= p_task.created_at
        order by o.valid_from desc
        limit 1;
    else
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

-- Keyset pages: an opaque cursor names the last row of a page by (created_at, id), newest first.
create function private.encode_cursor(p_created_at timestamptz, p_id uuid) returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select translate(
        encode(
            convert_to((extract(epoch from p_created_at) * 1000000)::bigint || ' ' || p_id, 'utf8'), 'base64'
        ),
        E'+/=\n', '-_'
    )
$$;

comment on function private.encode_cursor(timestamptz, uuid) is 'Opaque cursor of a page that ended at this row.';
revoke all on function private.encode_cursor(timestamptz, uuid) from public, anon, authenticated, service_role;

-- No cursor is the first page. Raises invalid_parameter for one that we did not make.
create function private.decode_cursor(p_cursor text, out created_at timestamptz, out id uuid)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    v_parts text[];
begin
    if p_cursor is null then
        created_at := 'infinity';
        id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
        return;
    end if;

    v_parts := string_to_array(
        convert_from(
            decode(
                translate(p_cursor, '-_', '+/') || repeat('=', (4 - length(p_cursor) % 4) % 4), 'base64'
            ), 'utf8'
        ), ' '
    );
    created_at := timestamptz 'epoch' + v_parts[1]::bigint * interval '1 microsecond';
    id := v_parts[2]::uuid;
    if created_at is null or id is null then
        raise exception using errcode = 'invalid_parameter_value';
    end if;
exception
    when data_exception or program_limit_exceeded then
        perform private.refuse_parameter('cursor', '"next_cursor of an earlier page"', 'This cursor is not valid.');
end
$$;

comment on function private.decode_cursor(text) is 'The row a cursor names; raises invalid_parameter for a bad one.';
revoke all on function private.decode_cursor(text) from public, anon, authenticated, service_role;

create function private.refuse_parameter(p_parameter text, p_allowed jsonb, p_message text) returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
    perform private.raise_error(
        'invalid_parameter', p_message, jsonb_build_object('parameter', p_parameter, 'allowed', p_allowed)
    );
end
$$;

comment on function private.refuse_parameter(text, jsonb, text) is 'Raises invalid_parameter. Never returns.';
revoke all on function private.refuse_parameter(text, jsonb, text) from public, anon, authenticated, service_role;

create function private.checked_page_size(p_page_size integer) returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
    if p_page_size not between 1 and 100 then
        perform private.refuse_parameter(
            'page_size', '{"minimum": 1, "maximum": 100}', 'page_size must be between 1 and 100.'
        );
    end if;
    return coalesce(p_page_size, 20);
end
$$;

comment on function private.checked_page_size(integer) is 'page_size with its default; raises invalid_parameter.';
revoke all on function private.checked_page_size(integer) from public, anon, authenticated, service_role;

-- Wakes the worker: one small POST to its /tick, sent by pg_net after the commit.
--
-- pg_net delivers at most once and forgets on a crash, so a poke carries no data: losing one costs one tick. At most
-- one transaction pokes at a time. Never fails its caller: without Vault secrets, without pg_net, or when anything
-- else is wrong, the worker finds the job by itself.
create function private.poke_worker() returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_url text;
    v_token text;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('reelbase.poke_worker', 0)) then
        return false;
    end if;

    select
        max(s.decrypted_secret) filter (where s.name = 'worker_url'),
        max(s.decrypted_secret) filter (where s.name = 'worker_token')
    into v_url, v_token
    from vault.decrypted_secrets as s
    where s.name in ('worker_url', 'worker_token');

    if v_url is null or v_token is null then
        return false;
    end if;

    perform net.http_post(
        url => rtrim(v_url, '/') || '/tick',
        body => '{}',
        headers => jsonb_build_object('Content-Type', 'application/json', 'Authorization', 'Bearer ' || v_token),
        timeout_milliseconds => 2000
    );
    return true;
exception
    when others then
        raise warning 'the worker could not be poked: %', sqlerrm;
        return false;
end
$$;

comment on function private.poke_worker() is
'Asks pg_net to wake the worker after the commit. True if a request was queued; never raises.';
revoke all on function private.poke_worker() from public, anon, authenticated, service_role;

-- Takes an order: checks it, deducts the credits, queues the task. One transaction; the provider is never called
-- from here. A refused call leaves nothing, so its idempotency key may be used again.
--
-- Locks the caller's account. Raises, in this order: not_authenticated, invalid_parameter, idempotency_conflict,
-- generation_disabled, not_in_rollout, model_unavailable, image_not_found, concurrent_limit_exceeded,
-- insufficient_credits, spend_cap_reached.

-- The object of a reference image, once it is sure that it is the caller's own. Null without one.
create function private.find_reference_image(
    p_user_id uuid,
    p_path text,
    p_image_id uuid,
    out bucket text,
    out path text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if p_path is null and p_image_id is null then
        return;
    end if;

    if p_image_id is not null then
        select i.bucket, i.path into bucket, path
        from public.image_generation_history as i
        where i.id = p_image_id and i.user_id = p_user_id and i.deleted_at is null;
    else
        select o.bucket_id, o.name into bucket, path
        from storage.objects as o
        where o.bucket_id = 'reference-images'
            and o.name = p_path
            and split_part(o.name, '/', 1) = p_user_id::text;
    end if;

    if path is null then
        perform private.raise_error(
            'image_not_found', 'The reference image was not found. Upload it to your own folder first.'
        );
    end if;
end
$$;

comment on function private.find_reference_image(uuid, text, uuid) is
'Bucket and path of a caller''s own image; raises image_not_found. Nulls when no image is asked for.';
revoke all on function private.find_reference_image(uuid, text, uuid) from public, anon, authenticated, service_role;

-- Whether generation is open for a user: the switch, then the rollout. Raising the percentage only adds users.
create function private.is_in_rollout(p_user_id uuid, p_percent integer, p_salt text) returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
    select ('x' || left(encode(sha256(convert_to(p_salt || p_user_id::text, 'utf8')), 'hex'), 8))::bit(32)::bigint % 100
        < p_percent
$$;

comment on function private.is_in_rollout(uuid, integer, text) is
'First 4 bytes of sha256(salt, user id) mod 100 below the percentage.';
revoke all on function private.is_in_rollout(uuid, integer, text) from public, anon, authenticated, service_role;

create function private.generate_video(
    p_prompt text,
    p_duration integer,
    p_resolution text,
    p_aspect_ratio text,
    p_negative_prompt text,
    p_reference_image_path text,
    p_reference_image_id uuid,
    p_model text,
    p_idempotency_key text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_duration integer := coalesce(p_duration, 8);
    v_resolution text := coalesce(p_resolution, '720p');
    v_aspect_ratio text := coalesce(p_aspect_ratio, '16:9');
    -- A blank one is none.
    v_negative_prompt text := case when p_negative_prompt ~ '[^[:space:]]' then btrim(p_negative_prompt) end;
    v_settings private.settings;
    v_option private.current_options;
    v_request jsonb;
    v_account public.credit_accounts;
    v_task public.video_generation_history;
    v_image record;
    v_active integer;
    v_entry public.credit_transactions;
    v_task_id uuid := gen_random_uuid();
    v_charge_id uuid := gen_random_uuid();
    v_now timestamptz;
begin
    select * into v_settings from private.settings;

    if p_prompt is null or p_prompt !~ '[^[:space:]]' or char_length(p_prompt) > v_settings.prompt_max_length then
        perform private.refuse_parameter(
            'prompt',
            jsonb_build_object('min_length', 1, 'max_length', v_settings.prompt_max_length),
            format('The prompt must have 1 to %s characters.', v_settings.prompt_max_length)
        );
    end if;
    if char_length(v_negative_prompt) > v_settings.prompt_max_length then
        perform private.refuse_parameter(
            'negative_prompt',
            jsonb_build_object('max_length', v_settings.prompt_max_length),
            format('The negative prompt must have at most %s characters.', v_settings.prompt_max_length)
        );
    end if;
    if v_duration not in (4, 6, 8) then
        perform private.refuse_parameter('duration', '[4, 6, 8]', 'duration must be 4, 6 or 8 seconds.');
    end if;
    if v_resolution not in ('720p', '1080p') then
        perform private.refuse_parameter('resolution', '["720p", "1080p"]', 'resolution must be 720p or 1080p.');
    end if;
    if v_aspect_ratio not in ('16:9', '9:16') then
        perform private.refuse_parameter('aspect_ratio', '["16:9", "9:16"]', 'aspect_ratio must be 16:9 or 9:16.');
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 255 then
        perform private.refuse_parameter(
            'idempotency_key', '{"min_length": 1, "max_length": 255}', 'The key must have 1 to 255 characters.'
        );
    end if;
    if p_reference_image_path is not null and p_reference_image_id is not null then
        perform private.refuse_parameter(
            'reference_image_id', '["reference_image_path", "reference_image_id"]', 'Give one reference image.'
        );
    end if;

    select * into v_option
    from private.current_options as o
    where o.model = coalesce(p_model, v_settings.default_model)
        and o.resolution = v_resolution
        and o.duration = v_duration;

    if not found then
        perform private.refuse_parameter(
            'model',
            (select jsonb_agg(distinct o.model) from private.current_options as o where o.is_available),
            'This model does not exist or does not make this kind of video.'
        );
    end if;
    if v_negative_prompt is not null and not v_option.has_negative_prompt then
        perform private.refuse_parameter('negative_prompt', 'null', 'This model takes no negative prompt.');
    end if;
    if num_nonnulls(p_reference_image_path, p_reference_image_id) > 0 and not v_option.has_reference_image then
        perform private.refuse_parameter(
            case when p_reference_image_id is null then 'reference_image_path' else 'reference_image_id' end,
            'null', 'This model takes no reference image.'
        );
    end if;

    v_request := jsonb_strip_nulls(jsonb_build_object(
        'prompt', p_prompt,
        'negative_prompt', v_negative_prompt,
        'duration', v_duration,
        'resolution', v_resolution,
        'aspect_ratio', v_aspect_ratio,
        'reference_image_path', p_reference_image_path,
        'reference_image_id', p_reference_image_id,
        'model', p_model
    ));

    v_account := private.lock_account(v_user_id);

    if p_idempotency_key is not null then
        select * into v_task
        from public.video_generation_history as h
        where h.account_id = v_account.id and h.idempotency_key = p_idempotency_key;

        if found then
            return private.replay_generation(v_task, v_request, v_account.balance);
        end if;
    end if;

    if not v_settings.generation_enabled then
        perform private.raise_error(
            'generation_disabled',
            coalesce(v_settings.disabled_message, 'Video generation is switched off for the moment. Please come back later.'),
            jsonb_build_object(
                'message', v_settings.disabled_message,
                'until', v_settings.disabled_until,
                'retry_after_seconds', case
                    when v_settings.disabled_until > private.now()
                        then ceil(extract(epoch from v_settings.disabled_until - private.now()))
                    else v_settings.retry_after_seconds
                end
            )
        );
    end if;
    if not private.is_in_rollout(v_user_id, v_settings.rollout_percent, v_settings.rollout_salt) then
        perform private.raise_error('not_in_rollout', 'Video generation is not open for your account yet.');
    end if;
    if not v_option.is_available then
        perform private.raise_error(
            'model_unavailable', 'This model is not offered at the moment. Please choose another one.',
            jsonb_build_object('model', v_option.model, 'retry_after_seconds', v_settings.retry_after_seconds)
        );
    end if;

    select * into v_image
    from private.find_reference_image(v_user_id, p_reference_image_path, p_reference_image_id);

    select count(*)::integer into v_active
    from private.video_jobs as j
    where j.account_id = v_account.id and j.counts_for_limit;

    if v_active >= v_settings.concurrent_limit then
        perform private.raise_error(
            'concurrent_limit_exceeded',
            format('You already have %s videos in the making. Wait for one to finish.', v_active),
            jsonb_build_object(
                'limit', v_settings.concurrent_limit,
                'active', v_active,
                'retry_after_seconds', v_settings.retry_after_seconds
            )
        );
    end if;
    if v_account.balance < v_option.credit_cost then
        perform private.raise_error(
            'insufficient_credits',
            format('This video costs %s credits; you have %s.', v_option.credit_cost, v_account.balance),
            jsonb_build_object('required', v_option.credit_cost, 'available', v_account.balance)
        );
    end if;
    if v_settings.daily_spend_cap_usd is not null then
        -- A cheap look that spares most callers a refund. The cap itself is held by worker_api.begin_submit.
        perform private.refuse_over_spend_cap(v_option.usd, v_settings.daily_spend_cap_usd);
    end if;

    v_now := private.now();
    v_entry := private.post_entry(
        v_account.id, 'video_generation', -v_option.credit_cost, 'user', v_task_id, p_entry_id => v_charge_id
    );

    insert into public.video_generation_history (
        id, account_id, user_id, prompt, negative_prompt, aspect_ratio, resolution, duration, model,
        reference_image_bucket, reference_image_path, request, idempotency_key, credit_cost, charge_id, created_at
    ) values (
        v_task_id, v_account.id, v_user_id, p_prompt, v_negative_prompt, v_aspect_ratio, v_resolution, v_duration,
        v_option.model, v_image.bucket, v_image.path, v_request, p_idempotency_key, v_option.credit_cost, v_charge_id,
        v_now
    );

    insert into private.video_jobs (task_id, account_id, model, stage, due_at, deadline_at)
    values (v_task_id, v_account.id, v_option.model, 'submit', v_now, v_now + v_settings.submit_deadline);

    perform private.poke_worker();

    return jsonb_build_object(
        'task_id', v_task_id,
        'status', 'pending',
        'credit_cost', v_option.credit_cost,
        'balance', v_entry.balance_after,
        'estimated_seconds', v_option.typical_seconds,
        'created_at', v_now
    );
end
$$;

comment on function private.generate_video(text, integer, text, text, text, text, uuid, text, text) is
'Deducts the price and queues a task for the caller. See public.generate_video.';
revoke all on function private.generate_video(text, integer, text, text, text, text, uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.generate_video(text, integer, text, text, text, text, uuid, text, text)
to authenticated;

-- The answer to a repeated call: task, price and time of the first, status and balance of today. Raises
-- idempotency_conflict, naming the fields, when the parameters differ. A task whose content is deleted has nothing
-- left to compare.
create function private.replay_generation(
    p_task public.video_generation_history,
    p_request jsonb,
    p_balance integer
) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_fields jsonb;
begin
    select jsonb_agg(coalesce(a.key, b.key) order by coalesce(a.key, b.key))
    into v_fields
    from jsonb_each(p_task.request) as a
    full join jsonb_each(p_request) as b on b.key = a.key
    where a.value is distinct from b.value;

    if p_task.deleted_at is null and v_fields is not null then
        perform private.raise_error(
            'idempotency_conflict',
            'This idempotency key was already used with other parameters.',
            jsonb_build_object('fields', v_fields, 'task_id', p_task.id),
            'Use a new key for a new video.'
        );
    end if;

    return jsonb_build_object(
        'task_id', p_task.id,
        'status', p_task.status,
        'credit_cost', p_task.credit_cost,
        'balance', p_balance,
        'estimated_seconds', (
            select o.typical_seconds
            from private.current_options as o
            where o.model = p_task.model and o.resolution = p_task.resolution and o.duration = p_task.duration
        ),
        'created_at', p_task.created_at
    );
end
$$;

comment on function private.replay_generation(public.video_generation_history, jsonb, integer) is
'The answer to a repeated generate_video; raises idempotency_conflict.';
revoke all on function private.replay_generation(public.video_generation_history, jsonb, integer)
from public, anon, authenticated, service_role;

create function private.refuse_over_spend_cap(p_usd numeric, p_cap numeric) returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_day date := (private.now() at time zone 'utc')::date;
    v_spent numeric;
begin
    select d.usd into v_spent from private.daily_spend as d where d.day = v_day;

    if coalesce(v_spent, 0) + p_usd > p_cap then
        perform private.raise_error(
            'spend_cap_reached', 'Today''s capacity for new videos is used up. Please try again tomorrow.',
            jsonb_build_object(
                'retry_after_seconds',
                ceil(extract(epoch from ((v_day + 1)::timestamp at time zone 'utc') - private.now()))
            )
        );
    end if;
end
$$;

comment on function private.refuse_over_spend_cap(numeric, numeric) is
'Raises spend_cap_reached if a further cost would pass the cap of the UTC day.';
revoke all on function private.refuse_over_spend_cap(numeric, numeric) from public, anon, authenticated, service_role;

-- Cancels a task that the provider has not been asked for yet, and gives the credits back.
--
-- Only while pending with no create call in flight: after that the clip may be made and paid. Repeating a cancel is
-- fine. Locks the account, the task and its job. Raises task_not_found, illegal_state {status, stage}.
create function private.cancel_video(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history := private.lock_task(p_task_id);
    v_stage text;
begin
    if v_task.id is null or v_task.user_id is distinct from v_user_id or v_task.deleted_at is not null then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;

    if v_task.status = 'cancelled' then
        return private.video_status(v_task);
    end if;

    select j.stage into v_stage from private.video_jobs as j where j.task_id = p_task_id for update;

    if v_task.status <> 'pending' or v_stage <> 'submit' then
        perform private.raise_error(
            'illegal_state',
            'This video can no longer be cancelled.',
            jsonb_build_object('status', v_task.status, 'stage', v_stage)
        );
    end if;

    -- Two statements: within one, the stable status would not see the refund that end_task has just written.
    v_task := private.end_task(v_task, 'cancelled', null, 'user');
    return private.video_status(v_task);
end
$$;

comment on function private.cancel_video(uuid) is
'Cancels the caller''s task before it is submitted. See public.cancel_video.';
revoke all on function private.cancel_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.cancel_video(uuid) to authenticated;

-- What happens to a person's tasks, files and money when his user is deleted, hard or soft, also while he generates.
--
-- Locks the account, ends live tasks (user_deleted, credits back), blanks what is personal and queues the files.
-- The ledger and the cost of provider calls stay, without the person.
create function private.forget_user(p_user_id uuid) returns void
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

    update public.image_generation_history as i
    set user_id = null, prompt = null, deleted_at = coalesce(i.deleted_at, private.now())
    where i.user_id = p_user_id;

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
revoke all on function private.forget_user(uuid) from public, anon, authenticated, service_role;

create function private.forget_deleted_user() returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform private.forget_user(old.id);
    return case tg_op when 'DELETE' then old else new end;
end
$$;

comment on function private.forget_deleted_user() is 'Trigger on auth.users: private.forget_user on deletion.';
revoke all on function private.forget_deleted_user() from public, anon, authenticated, service_role;

create trigger reelbase_forget_user
before delete on auth.users
for each row execute function private.forget_deleted_user();

create trigger reelbase_forget_soft_deleted_user
before update of deleted_at on auth.users
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function private.forget_deleted_user();
