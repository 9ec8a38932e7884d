-- Takes an order: checks it, deducts the credits, queues the task. One transaction; the provider is never called
-- from here. A refused call leaves nothing, so its idempotency key may be used again.
--
-- Locks the caller's account. Raises, in this order: not_authenticated, invalid_parameter, idempotency_conflict,
-- generation_disabled, not_in_rollout, model_unavailable, image_not_found, concurrent_limit_exceeded,
-- insufficient_credits, spend_cap_reached.

-- The object of a reference image, once it is sure that it is the caller's own, is there, and calls itself what a model
-- takes. What is really in it the worker sees before it pays. Null without one.
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
declare
    v_parameter text := case when p_image_id is null then 'reference_image_path' else 'reference_image_id' end;
    v_object record;
begin
    if p_path is null and p_image_id is null then
        return;
    end if;

    if p_image_id is not null then
        select o.bucket_id, o.name, o.metadata into v_object
        from public.image_generation_history as i
        inner join storage.objects as o on o.bucket_id = i.bucket and o.name = i.path
        where i.id = p_image_id and i.user_id = p_user_id and i.deleted_at is null;
    else
        select o.bucket_id, o.name, o.metadata into v_object
        from storage.objects as o
        where o.bucket_id = 'reference-images'
            and o.name = p_path
            and split_part(o.name, '/', 1) = p_user_id::text;
    end if;

    if not found then
        perform private.raise_error(
            'image_not_found', 'The reference image was not found. Upload it to your own folder first.'
        );
    end if;
    if v_object.metadata ->> 'mimetype' not in ('image/png', 'image/jpeg', 'image/jpg') then
        perform private.refuse_parameter(
            v_parameter, '["image/png", "image/jpeg"]', 'The reference image must be a PNG or JPEG.'
        );
    end if;
    if (v_object.metadata ->> 'size')::bigint > 20971520 then
        perform private.refuse_parameter(
            v_parameter, '{"max_bytes": 20971520}', 'The reference image must have at most 20 MB.'
        );
    end if;

    bucket := v_object.bucket_id;
    path := v_object.name;
end
$$;

comment on function private.find_reference_image(uuid, text, uuid) is
'Bucket and path of a caller''s own image; raises image_not_found, invalid_parameter. Nulls without one.';
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
    v_fields jsonb := private.differing_fields(p_task.request, p_request);
begin
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
