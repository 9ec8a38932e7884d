-- What users made, to find again, rate and delete: one list of videos and images, search in the prompts of images,
-- images of one's own as the first frame of a clip.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- Search in texts of any language, by any part of a word, with an index: what pg_trgm does, for what it cannot do.
--
-- A text is found by every one, two and three letters that stand next to each other in it. pg_trgm's index knows three
-- alone, so a word of one or two letters would read every row, and most words of Chinese, Japanese and Korean are that
-- short. A key is a hash of the letters and of whose text it is: a search never touches another user's rows, and
-- costs what his own collection costs. A hash may collide, so what the index finds is looked at again.

-- The form in which texts and searches are compared: no case, one form of each letter, single spaces.
create function private.search_text(p_text text) returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select btrim(regexp_replace(lower(normalize(p_text, nfkc)), '\s+', ' ', 'g'))
$$;

comment on function private.search_text(text) is 'The form in which texts and searches are compared.';
revoke all on function private.search_text(text) from public, anon, authenticated, service_role;

-- What a text of this user is found by.
create function private.search_keys(p_user_id uuid, p_text text) returns bigint[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select array_agg(distinct hashtextextended(g.letters, uuid_hash_extended(p_user_id, 0)))
    from (
        select
            c.letter,
            lead(c.letter) over following as second,
            lead(c.letter, 2) over following as third
        from unnest(string_to_array(private.search_text(p_text), null)) with ordinality as c (letter, place)
        window following as (order by c.place)
    ) as l
    cross join lateral (
        values (l.letter), (l.letter || l.second), (l.letter || l.second || l.third)
    ) as g (letters)
    where strpos(g.letters, ' ') = 0
$$;

comment on function private.search_keys(uuid, text) is 'What a text of a user is found by; for an index.';
revoke all on function private.search_keys(uuid, text) from public, anon, authenticated, service_role;

-- What the text must be found by if it contains all of these words.
create function private.search_keys_of_words(p_user_id uuid, p_words text[]) returns bigint[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select array_agg(distinct hashtextextended(substr(w.word, p.place, 3), uuid_hash_extended(p_user_id, 0)))
    from unnest(p_words) as w (word)
    cross join lateral generate_series(1, greatest(char_length(w.word) - 2, 1)) as p (place)
$$;

comment on function private.search_keys_of_words(uuid, text[]) is 'What a text with all of these words is found by.';
revoke all on function private.search_keys_of_words(uuid, text[]) from public, anon, authenticated, service_role;

create function private.has_words(p_text text, p_words text[]) returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select coalesce(bool_and(strpos(private.search_text(p_text), w.word) > 0), true)
    from unnest(p_words) as w (word)
$$;

comment on function private.has_words(text, text[]) is 'Whether a text contains each word, anywhere.';
revoke all on function private.has_words(text, text[]) from public, anon, authenticated, service_role;

-- The table is empty before this migration, which brings the first function that writes it: nothing waits for these.
-- squawk-ignore ban-drop-constraint
alter table public.image_generation_history drop constraint image_is_recorded_once;

-- Once it is deleted, another one may take its place.
-- squawk-ignore require-concurrent-index-creation
create unique index image_is_recorded_once
on public.image_generation_history (bucket, path) where deleted_at is null;

-- Without a list of what is pending: that would be read through in each search, and images are recorded one by one.
-- squawk-ignore require-concurrent-index-creation
create index image_generation_history_by_words
on public.image_generation_history using gin (private.search_keys(user_id, prompt))
with (fastupdate = off) where deleted_at is null;

-- How content owners are with their videos. A rating outlives the content of its video: it is a number of the product.
create table public.video_ratings (
    task_id uuid primary key references public.video_generation_history (id),
    stars integer not null,
    created_at timestamptz not null default private.now(),
    updated_at timestamptz not null default private.now(),
    constraint stars_are_one_to_five check (stars between 1 and 5)
);

comment on table public.video_ratings is 'One to five stars for a completed video, by its owner.';
alter table public.video_ratings enable row level security;
revoke all on table public.video_ratings from public, anon, authenticated, service_role;
grant select on table public.video_ratings to authenticated, service_role;

create policy ratings_are_read_by_their_owner on public.video_ratings
for select to authenticated
using (
    exists (
        select
        from public.video_generation_history as h
        where h.id = video_ratings.task_id and h.user_id = (select auth.uid()) and h.deleted_at is null
    )
);

-- New keys are no change that somebody made. One that an adopted table held already stays when we go.
alter table public.system_configs disable trigger record_change;

update private.adopted_tables as a
set
    had_keys = a.had_keys || array(
        select s.key
        from public.system_configs as s
        where s.key in ('video_image_buckets')
    )
where a.name = 'system_configs';

insert into public.system_configs (key, value, value_type, minimum, maximum, is_nullable, description) values
('video_image_buckets', '"reference-images"', 'text', null, null, false, 'Buckets where users record images; by comma.')
-- A key that an adopted table holds already keeps its value, if it fits; else this is refused here.
on conflict (key) do update
    set
        value_type = excluded.value_type,
        minimum = excluded.minimum,
        maximum = excluded.maximum,
        is_nullable = excluded.is_nullable,
        description = coalesce(system_configs.description, excluded.description);

alter table public.system_configs enable trigger record_change;

create or replace view private.settings
with (security_invoker = true)
as
select
    (c.v ->> 'video_credit_per_second')::numeric as credit_per_second,
    (c.v ->> 'video_1080p_multiplier')::numeric as multiplier_1080p,
    (c.v ->> 'video_concurrent_limit')::integer as concurrent_limit,
    (c.v ->> 'video_generation_enabled')::boolean as generation_enabled,
    c.v ->> 'video_default_model' as default_model,
    (c.v ->> 'video_prompt_max_length')::integer as prompt_max_length,
    (c.v ->> 'video_rollout_percent')::integer as rollout_percent,
    c.v ->> 'video_rollout_salt' as rollout_salt,
    c.v ->> 'video_disabled_message' as disabled_message,
    (c.v ->> 'video_disabled_until')::timestamptz as disabled_until,
    (c.v ->> 'video_daily_spend_cap_usd')::numeric as daily_spend_cap_usd,
    (c.v ->> 'video_daily_cost_alert_usd')::numeric as daily_cost_alert_usd,
    (c.v ->> 'video_poll_interval_seconds')::integer * interval '1 second' as poll_interval,
    (c.v ->> 'video_batch_size')::integer as batch_size,
    (c.v ->> 'video_submit_per_minute')::integer as submit_per_minute,
    (c.v ->> 'video_submit_deadline_seconds')::integer * interval '1 second' as submit_deadline,
    (c.v ->> 'video_submit_attempts')::integer as submit_attempts,
    (c.v ->> 'video_submit_backoff_seconds')::numeric as submit_backoff_seconds,
    (c.v ->> 'video_submit_backoff_max_seconds')::numeric as submit_backoff_max_seconds,
    (c.v ->> 'video_reconcile_seconds')::integer * interval '1 second' as reconcile_period,
    (c.v ->> 'video_generation_deadline_seconds')::integer * interval '1 second' as generation_deadline,
    (c.v ->> 'video_download_attempts')::integer as download_attempts,
    (c.v ->> 'video_download_retry_seconds')::integer * interval '1 second' as download_retry,
    (c.v ->> 'video_google_expiry_hours')::integer * interval '1 hour' as provider_expiry,
    (c.v ->> 'video_lease_seconds')::integer * interval '1 second' as lease_period,
    (c.v ->> 'video_retry_after_seconds')::integer as retry_after_seconds,
    (c.v ->> 'credit_value_usd')::numeric as credit_value_usd,
    (c.v ->> 'signup_bonus_credits')::integer as signup_bonus_credits,
    c.v ->> 'video_image_buckets' as image_buckets
from (
    select jsonb_object_agg(s.key, s.value) as v
    from public.system_configs as s
    where s.value_type is not null
) as c;

-- The object of a reference image, once it is sure that it is the caller's own, is there, and calls itself what a model
-- takes. What is really in it the worker sees before it pays. Null without one.
create or replace function private.find_reference_image(
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

-- What happens to a person's tasks, files and money when his user is deleted, hard or soft, also while he generates.
--
-- Locks the account, ends live tasks (user_deleted, credits back), blanks what is personal and queues the files.
-- The ledger and the cost of provider calls stay, without the person.
create or replace function private.forget_user(p_user_id uuid) returns void
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

    -- Recorded images may lie in buckets of the host application.
    insert into private.file_jobs (kind, bucket, path)
    select 'delete', i.bucket, i.path
    from public.image_generation_history as i
    where i.user_id = p_user_id and i.deleted_at is null and i.bucket <> 'reference-images';

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

-- The caller's tasks, newest first: {items, next_cursor}. status filters; 'in_progress' is every live one.
--
-- Planned for each call with its values: a plan for anybody and any status would read all rows of the largest user for
-- somebody who has none, or for a status that hardly occurs.
create or replace function private.list_videos(p_status text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
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

    -- One row more than the page tells whether there is a next one. Live tasks are few, and found by their jobs.
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
    elsif p_status in ('completed', 'failed', 'cancelled') then
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.video_generation_history as h
            where h.user_id = v_user_id
                and h.status = p_status
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
            limit v_page_size + 1
        ) as p;
    else
        select array_agg(p.h order by (p.h).created_at desc, (p.h).id desc) into v_page
        from (
            select h
            from public.credit_accounts as a
            inner join private.video_jobs as j on j.account_id = a.id
            inner join public.video_generation_history as h on h.id = j.task_id
            where a.user_id = v_user_id
                and p_status in (h.status, 'in_progress')
                and h.deleted_at is null
                and (h.created_at, h.id) < (v_from.created_at, v_from.id)
            order by h.created_at desc, h.id desc
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
                        'model', h.model,
                        'stars', (select r.stars from public.video_ratings as r where r.task_id = h.id)
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

-- The caller's videos and images in one list, newest first: {items, next_cursor}.
--
-- content_type 'video' or 'image' shows one kind. Both kinds are read from an index in the order of the list, each no
-- further than the page reaches, so that any page of any history costs the same. Planned for each call: list_videos
-- says why.
create function private.list_generations(p_content_type text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
begin
    if p_content_type not in ('image', 'video') then
        perform private.refuse_parameter('content_type', '["image", "video"]', 'content_type is image or video.');
    end if;

    return (
        with page as (
            select
                g.*,
                row_number() over (order by g.created_at desc, g.id desc) as place
            from (
                (
                    select
                        h.id, 'video' as content_type, h.prompt, h.status, h.credit_cost, h.created_at,
                        h.completed_at, split_part(h.permanent_video_url, '/', 1) as bucket,
                        substr(h.permanent_video_url, length('videos/') + 1) as path,
                        substr(h.thumbnail_url, length('videos/') + 1) as thumbnail_path,
                        h.width, h.height, h.duration, h.resolution, h.aspect_ratio
                    from public.video_generation_history as h
                    where p_content_type is distinct from 'image'
                        and h.user_id = v_user_id
                        and h.deleted_at is null
                        and (h.created_at, h.id) < (v_from.created_at, v_from.id)
                    order by h.created_at desc, h.id desc
                    limit v_page_size + 1
                )
                union all
                (
                    select
                        i.id, 'image', i.prompt, 'completed', i.credit_cost, i.created_at,
                        i.created_at, i.bucket, i.path, null, i.width, i.height, null, null, null
                    from public.image_generation_history as i
                    where p_content_type is distinct from 'video'
                        and i.user_id = v_user_id
                        and i.deleted_at is null
                        and (i.created_at, i.id) < (v_from.created_at, v_from.id)
                    order by i.created_at desc, i.id desc
                    limit v_page_size + 1
                )
            ) as g
            order by g.created_at desc, g.id desc
            limit v_page_size + 1
        )

        select jsonb_build_object(
            'items', coalesce(
                jsonb_agg(to_jsonb(p) - 'place' order by p.place) filter (where p.place <= v_page_size), '[]'
            ),
            'next_cursor', case
                when count(*) > v_page_size then
                    max(private.encode_cursor(p.created_at, p.id)) filter (where p.place = v_page_size)
            end
        )
        from page as p
    );
end
$$;

comment on function private.list_generations(text, text, integer) is 'A page of the caller''s videos and images.';
revoke all on function private.list_generations(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_generations(text, text, integer) to authenticated;

create function public.list_generations(
    content_type text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.list_generations(content_type, cursor, page_size);
end;

comment on function public.list_generations(text, text, integer) is
'The caller''s videos and images, newest first: {items, next_cursor}. content_type: image, video, or null for both.';
revoke all on function public.list_generations(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_generations(text, text, integer) to authenticated;

-- The caller's images whose prompt contains every word of the search, newest first: {items, next_cursor}. Words are
-- found in any language and inside of others; case and the form of a letter do not count. No search is all images.
-- Planned for each call: list_videos says why.
create function private.image_item(p_image public.image_generation_history) returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
    select jsonb_build_object(
        'id', p_image.id,
        'prompt', p_image.prompt,
        'bucket', p_image.bucket,
        'path', p_image.path,
        'width', p_image.width,
        'height', p_image.height,
        'created_at', p_image.created_at
    )
$$;

comment on function private.image_item(public.image_generation_history) is 'An image as clients see it.';
revoke all on function private.image_item(public.image_generation_history)
from public, anon, authenticated, service_role;

create function private.search_images(p_search text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
    -- Above the largest page. The newest images are simply looked through: a common word fills its page from these.
    c_newest constant integer := 200;
    v_user_id uuid := private.current_user_id();
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_words text[];
    v_page public.image_generation_history[];
    v_newest public.image_generation_history[];
    v_oldest public.image_generation_history;
begin
    if char_length(p_search) > 200 then
        perform private.refuse_parameter('search', '{"max_length": 200}', 'The search must have at most 200 characters.');
    end if;
    v_words := array_remove(string_to_array(private.search_text(p_search), ' '), '');

    select array_agg(n.i order by (n.i).created_at desc, (n.i).id desc) into v_newest
    from (
        select i
        from public.image_generation_history as i
        where i.user_id = v_user_id
            and i.deleted_at is null
            and (i.created_at, i.id) < (v_from.created_at, v_from.id)
        order by i.created_at desc, i.id desc
        limit case when v_words <> '{}' then c_newest else v_page_size + 1 end
    ) as n;

    select array_agg(f.i order by (f.i).created_at desc, (f.i).id desc) into v_page
    from (
        select i
        from unnest(v_newest) as i
        where private.has_words(i.prompt, v_words)
        order by i.created_at desc, i.id desc
        limit v_page_size + 1
    ) as f;

    -- The index finds the others. Sorted first: only as many as the page needs are looked at again.
    if cardinality(v_newest) = c_newest and coalesce(cardinality(v_page), 0) <= v_page_size then
        v_oldest := v_newest[c_newest];
        select v_page || array_agg(f.i order by (f.i).created_at desc, (f.i).id desc) into v_page
        from (
            select c.i
            from (
                select i
                from public.image_generation_history as i
                where private.search_keys(i.user_id, i.prompt)
                    @> private.search_keys_of_words(v_user_id, v_words)
                    and i.user_id = v_user_id
                    and i.deleted_at is null
                    and (i.created_at, i.id) < (v_oldest.created_at, v_oldest.id)
                order by i.created_at desc, i.id desc
                offset 0
            ) as c
            where private.has_words((c.i).prompt, v_words)
            limit v_page_size + 1 - coalesce(cardinality(v_page), 0)
        ) as f;
    end if;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.image_item(i) order by i.created_at desc, i.id desc)
                from unnest(v_page[1:v_page_size]) as i
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).created_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.search_images(text, text, integer) is 'A page of the caller''s images with these words.';
revoke all on function private.search_images(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.search_images(text, text, integer) to authenticated;

create function public.search_images(
    search text default null,
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.search_images(search, cursor, page_size);
end;

comment on function public.search_images(text, text, integer) is
'The caller''s images whose prompt contains every word of the search, newest first: {items, next_cursor}.';
revoke all on function public.search_images(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.search_images(text, text, integer) to authenticated;

-- Notes an image that is in Storage already, so that it shows in the history and can be the first frame of a clip.
--
-- A user records what lies in his own folder (<user id>/...) of a bucket that video_image_buckets names. The host
-- application (service_role) records any image for the user whom it names. The same object again is answered with the
-- first record. Locks the account. Raises invalid_parameter, image_not_found, user_not_found, and idempotency_conflict
-- when the object is recorded for somebody else.
create function private.record_image(
    p_prompt text,
    p_bucket text,
    p_path text,
    p_width integer,
    p_height integer,
    p_user_id uuid
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_is_service boolean := coalesce(auth.role() = 'service_role', false);
    v_user_id uuid;
    v_settings private.settings;
    v_object record;
    v_image public.image_generation_history;
begin
    select * into v_settings from private.settings;

    if v_is_service then
        v_user_id := p_user_id;
        if v_user_id is null then
            perform private.refuse_parameter('user_id', '"the owner of the image"', 'Name the owner of the image.');
        end if;
        if not exists (select from auth.users as u where u.id = v_user_id and u.deleted_at is null) then
            perform private.raise_error('user_not_found', 'There is no such user.');
        end if;
    else
        v_user_id := private.current_user_id();
        if p_user_id <> v_user_id then
            perform private.refuse_parameter('user_id', 'null', 'An image is recorded for its owner alone.');
        end if;
    end if;
    if char_length(p_prompt) > 4000 then
        perform private.refuse_parameter(
            'prompt', '{"max_length": 4000}', 'The prompt must have at most 4000 characters.'
        );
    end if;
    if p_width not between 1 and 100000 or (p_width is null) <> (p_height is null) then
        perform private.refuse_parameter('width', '{"minimum": 1, "maximum": 100000}', 'width is out of range.');
    end if;
    if p_height not between 1 and 100000 then
        perform private.refuse_parameter('height', '{"minimum": 1, "maximum": 100000}', 'height is out of range.');
    end if;

    select o.metadata ->> 'mimetype' as mime_type into v_object
    from storage.objects as o
    where o.bucket_id = p_bucket
        and o.name = p_path
        and (
            v_is_service
            or split_part(o.name, '/', 1) = v_user_id::text
            and o.bucket_id = any (string_to_array(replace(v_settings.image_buckets, ' ', ''), ','))
        );
    if not found then
        perform private.raise_error(
            'image_not_found', 'The image was not found. Upload it to your own folder first.'
        );
    end if;
    if v_object.mime_type not like 'image/%' then
        perform private.refuse_parameter('path', '["image/*"]', 'This file is no image.');
    end if;

    perform private.lock_account(v_user_id);
    insert into public.image_generation_history (user_id, prompt, bucket, path, width, height)
    values (v_user_id, p_prompt, p_bucket, p_path, p_width, p_height)
    on conflict (bucket, path) where deleted_at is null do nothing
    returning * into v_image;

    if v_image.id is null then
        select * into v_image
        from public.image_generation_history as i
        where i.bucket = p_bucket and i.path = p_path and i.deleted_at is null;

        if v_image.user_id is distinct from v_user_id then
            perform private.raise_error(
                'idempotency_conflict', 'This image is recorded for another user.', '{"fields": ["user_id"]}'
            );
        end if;
    end if;

    return private.image_item(v_image);
end
$$;

comment on function private.record_image(text, text, text, integer, integer, uuid) is
'Notes an image of a user that is in Storage. See public.record_image.';
revoke all on function private.record_image(text, text, text, integer, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function private.record_image(text, text, text, integer, integer, uuid)
to authenticated, service_role;

create function public.record_image(
    prompt text,
    bucket text,
    path text,
    width integer default null,
    height integer default null,
    user_id uuid default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.record_image(prompt, bucket, path, width, height, user_id);
end;

comment on function public.record_image(text, text, text, integer, integer, uuid) is
'Notes an image in Storage: {id, prompt, bucket, path, width, height, created_at}. user_id is for service_role.';
revoke all on function public.record_image(text, text, text, integer, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.record_image(text, text, text, integer, integer, uuid)
to authenticated, service_role;

-- Deleting what one made: the content goes, the file through the Storage API; id, cost, key and ledger stay.

-- Not while the task is live: what was paid for is settled first (cancel it, or wait). Repeating it is fine. Locks
-- account and task. Raises task_not_found, illegal_state {status, stage}.
create function private.delete_video(p_task_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_task public.video_generation_history := private.lock_task(p_task_id);
begin
    if v_task.id is null or v_task.user_id is distinct from v_user_id then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    if v_task.ended_at is null then
        perform private.raise_error(
            'illegal_state',
            'This video is still being made. Delete it when it is done.',
            jsonb_build_object(
                'status', v_task.status,
                'stage', (select j.stage from private.video_jobs as j where j.task_id = p_task_id)
            )
        );
    end if;

    if v_task.deleted_at is null then
        insert into private.file_jobs (kind, bucket, path)
        select 'delete', 'videos', substr(f.url, length('videos/') + 1)
        from unnest(array[v_task.permanent_video_url, v_task.thumbnail_url]) as f (url)
        where f.url is not null;

        update public.video_generation_history as h
        set
            prompt = null,
            negative_prompt = null,
            reference_image_bucket = null,
            reference_image_path = null,
            request = '{}',
            permanent_video_url = null,
            thumbnail_url = null,
            deleted_at = private.now()
        where h.id = p_task_id;
    end if;

    return '{"deleted": true}'::jsonb;
end
$$;

comment on function private.delete_video(uuid) is 'Deletes the content of the caller''s ended task and its files.';
revoke all on function private.delete_video(uuid) from public, anon, authenticated, service_role;
grant execute on function private.delete_video(uuid) to authenticated;

create function public.delete_video(task_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.delete_video(task_id);
end;

comment on function public.delete_video(uuid) is
'Deletes the caller''s ended video and its files: {deleted: true}. Raises task_not_found, illegal_state.';
revoke all on function public.delete_video(uuid) from public, anon, authenticated, service_role;
grant execute on function public.delete_video(uuid) to authenticated;

-- Not while a live task begins with it. Orders hold the lock of the account too, so none can begin with it meanwhile.
-- Repeating it is fine. Raises image_not_found, illegal_state {status, stage, task_id}.
create function private.delete_image(p_image_id uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_account public.credit_accounts := private.lock_account(v_user_id);
    v_image public.image_generation_history;
    v_details jsonb;
begin
    select * into v_image
    from public.image_generation_history as i
    where i.id = p_image_id and i.user_id = v_user_id
    for update;
    if not found then
        perform private.raise_error('image_not_found', 'There is no such image.');
    end if;

    select jsonb_build_object('status', h.status, 'stage', j.stage, 'task_id', h.id) into v_details
    from private.video_jobs as j
    inner join public.video_generation_history as h on h.id = j.task_id
    where j.account_id = v_account.id
        and h.reference_image_bucket = v_image.bucket
        and h.reference_image_path = v_image.path
        and v_image.deleted_at is null
    limit 1;
    if found then
        perform private.raise_error(
            'illegal_state', 'A video that begins with this image is still being made.', v_details
        );
    end if;

    if v_image.deleted_at is null then
        insert into private.file_jobs (kind, bucket, path) values ('delete', v_image.bucket, v_image.path);
        update public.image_generation_history as i
        set prompt = null, deleted_at = private.now()
        where i.id = p_image_id;
    end if;

    return '{"deleted": true}'::jsonb;
end
$$;

comment on function private.delete_image(uuid) is 'Deletes the caller''s image and its file.';
revoke all on function private.delete_image(uuid) from public, anon, authenticated, service_role;
grant execute on function private.delete_image(uuid) to authenticated;

create function public.delete_image(image_id uuid) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.delete_image(image_id);
end;

comment on function public.delete_image(uuid) is
'Deletes the caller''s image and its file: {deleted: true}. Raises image_not_found, illegal_state.';
revoke all on function public.delete_image(uuid) from public, anon, authenticated, service_role;
grant execute on function public.delete_image(uuid) to authenticated;

-- One to five stars for a completed video of the caller, who may change his mind. Locks the task, lest it is deleted
-- meanwhile. Raises invalid_parameter, task_not_found, illegal_state {status, stage}.
create function private.rate_video(p_task_id uuid, p_stars integer) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_status text;
begin
    if p_stars is null or p_stars not between 1 and 5 then
        perform private.refuse_parameter('stars', '[1, 2, 3, 4, 5]', 'stars must be 1 to 5.');
    end if;

    select h.status into v_status
    from public.video_generation_history as h
    where h.id = p_task_id and h.user_id = v_user_id and h.deleted_at is null
    for share;
    if not found then
        perform private.raise_error('task_not_found', 'There is no such video.');
    end if;
    if v_status <> 'completed' then
        perform private.raise_error(
            'illegal_state', 'Only a finished video can be rated.',
            jsonb_build_object('status', v_status, 'stage', null)
        );
    end if;

    insert into public.video_ratings as r (task_id, stars)
    values (p_task_id, p_stars)
    on conflict (task_id) do update
    set stars = excluded.stars, updated_at = private.now();

    return jsonb_build_object('task_id', p_task_id, 'stars', p_stars);
end
$$;

comment on function private.rate_video(uuid, integer) is 'Rates the caller''s completed video.';
revoke all on function private.rate_video(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function private.rate_video(uuid, integer) to authenticated;

create function public.rate_video(task_id uuid, stars integer) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.rate_video(task_id, stars);
end;

comment on function public.rate_video(uuid, integer) is
'Rates the caller''s completed video with 1 to 5 stars: {task_id, stars}. May be changed.';
revoke all on function public.rate_video(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.rate_video(uuid, integer) to authenticated;
