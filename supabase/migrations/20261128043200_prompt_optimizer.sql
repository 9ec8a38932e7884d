-- Prompts rewritten by a text model: who had it done and how often; and what of this and of the showcase a deleted user
-- takes with him.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- Who had which prompt rewritten, and what came of it: an audit, and what the rate limit counts.
--
-- The functions server writes it as the user himself, through the two functions beside this. Whoever calls them without
-- it writes down his own words in his own rows, and uses up his own limit. The text stays until the user is deleted.
create table public.prompt_optimizations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid,
    content_type text not null,
    original_prompt text,
    prompt text,
    negative_prompt text,
    model text not null,
    outcome text not null default 'started',
    created_at timestamptz not null default private.now(),
    finished_at timestamptz,
    constraint optimization_content_type_is_known check (content_type in ('image', 'video')),
    constraint optimization_outcome_is_known check (
        outcome in ('started', 'optimized', 'blocked', 'malformed', 'too_long', 'timeout', 'unavailable')
    ),
    constraint started_means_not_finished check ((outcome = 'started') = (finished_at is null)),
    constraint text_stays_as_long_as_the_user check ((user_id is null) = (original_prompt is null)),
    constraint only_optimized_prompts_are_rewritten check (
        user_id is null or (outcome = 'optimized') = (prompt is not null)
    ),
    constraint text_goes_with_the_user check (
        user_id is not null or num_nonnulls(original_prompt, prompt, negative_prompt) = 0
    )
);

create index prompt_optimizations_by_user on public.prompt_optimizations (user_id, created_at desc, id desc);

comment on table public.prompt_optimizations is 'One row for each prompt that a user had rewritten.';
comment on column public.prompt_optimizations.outcome is
'optimized, or why the user got his own prompt back: blocked, malformed, too_long, timeout, unavailable.';
alter table public.prompt_optimizations enable row level security;
revoke all on table public.prompt_optimizations from public, anon, authenticated, service_role;
grant select on table public.prompt_optimizations to authenticated, service_role;

create policy optimizations_are_read_by_their_user on public.prompt_optimizations
for select to authenticated
using (user_id = (select auth.uid()));

-- Before a prompt is rewritten: checks it, counts it against the caller's limit, and says by what it is rewritten.
--
-- A refused call leaves nothing. Exact however many come at once: they wait for each other at the caller's account.
-- Locks the account. Raises invalid_parameter, rate_limited {retry_after_seconds}.
create function private.begin_prompt_optimization(p_prompt text, p_content_type text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_settings private.settings;
    v_wait interval;
    v_now timestamptz;
    v_id uuid;
begin
    select * into v_settings from private.settings;
    if coalesce(p_content_type, '') not in ('image', 'video') then
        perform private.refuse_parameter('content_type', '["image", "video"]', 'Say image or video.');
    end if;
    if coalesce(p_prompt, '') !~ '[^[:space:]]' or char_length(p_prompt) > v_settings.prompt_max_length then
        perform private.refuse_parameter(
            'prompt',
            jsonb_build_object('min_length', 1, 'max_length', v_settings.prompt_max_length),
            format('The prompt must have 1 to %s characters.', v_settings.prompt_max_length)
        );
    end if;

    perform private.lock_account(v_user_id);
    v_now := private.now();

    -- For each limit: when the oldest call that still counts leaves its period.
    select max(w.period - (v_now - coalesce(o.created_at, v_now))) into v_wait
    from (
        values
        (v_settings.prompt_optimizer_per_minute, interval '1 minute'),
        (v_settings.prompt_optimizer_per_day, interval '24 hours')
    ) as w (allowed, period)
    left join lateral (
        select p.created_at
        from public.prompt_optimizations as p
        where p.user_id = v_user_id and p.created_at > v_now - w.period
        order by p.created_at desc
        offset greatest(w.allowed - 1, 0)
        limit 1
    ) as o on true
    where o.created_at is not null or w.allowed = 0;

    if v_wait is not null then
        perform private.raise_error(
            'rate_limited', 'You had many prompts improved just now. Use this one as it is, or try again later.',
            jsonb_build_object('retry_after_seconds', greatest(ceil(extract(epoch from v_wait))::integer, 1))
        );
    end if;

    insert into public.prompt_optimizations (user_id, content_type, original_prompt, model, created_at)
    values (v_user_id, p_content_type, p_prompt, v_settings.prompt_optimizer_model, v_now)
    returning id into v_id;

    return jsonb_build_object(
        'optimization_id', v_id,
        'model', v_settings.prompt_optimizer_model,
        'prompt_max_length', v_settings.prompt_max_length
    );
end
$$;

comment on function private.begin_prompt_optimization(text, text) is
'Checks and counts a prompt before it is rewritten. See public.begin_prompt_optimization.';
revoke all on function private.begin_prompt_optimization(text, text) from public, anon, authenticated, service_role;
grant execute on function private.begin_prompt_optimization(text, text) to authenticated;

create function public.begin_prompt_optimization(prompt text, content_type text) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.begin_prompt_optimization(prompt, content_type);
end;

comment on function public.begin_prompt_optimization(text, text) is
'For the functions server, as the caller: {optimization_id, model, prompt_max_length}.';
revoke all on function public.begin_prompt_optimization(text, text) from public, anon, authenticated, service_role;
grant execute on function public.begin_prompt_optimization(text, text) to authenticated;

-- What came of it. Once for each optimization of the caller; true if this was that once.
create function private.finish_prompt_optimization(
    p_optimization_id uuid,
    p_outcome text,
    p_prompt text,
    p_negative_prompt text
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_user_id uuid := private.current_user_id();
    v_settings private.settings;
begin
    select * into v_settings from private.settings;
    if coalesce(p_outcome, '') not in ('optimized', 'blocked', 'malformed', 'too_long', 'timeout', 'unavailable')
        or (p_outcome = 'optimized') <> (p_prompt is not null)
    then
        perform private.refuse_parameter(
            'outcome', '["optimized", "blocked", "malformed", "too_long", "timeout", "unavailable"]',
            'This outcome does not exist, or does not go with this prompt.'
        );
    end if;
    if greatest(char_length(p_prompt), char_length(p_negative_prompt)) > v_settings.prompt_max_length then
        perform private.refuse_parameter(
            'prompt', jsonb_build_object('min_length', 1, 'max_length', v_settings.prompt_max_length),
            'The rewritten prompt is too long.'
        );
    end if;

    update public.prompt_optimizations as p
    set
        outcome = p_outcome,
        prompt = p_prompt,
        negative_prompt = case when p_outcome = 'optimized' then p_negative_prompt end,
        finished_at = private.now()
    where p.id = p_optimization_id and p.user_id = v_user_id and p.outcome = 'started';
    return jsonb_build_object('recorded', found);
end
$$;

comment on function private.finish_prompt_optimization(uuid, text, text, text) is
'Notes what came of an optimization. See public.finish_prompt_optimization.';
revoke all on function private.finish_prompt_optimization(uuid, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.finish_prompt_optimization(uuid, text, text, text) to authenticated;

create function public.finish_prompt_optimization(
    optimization_id uuid,
    outcome text,
    prompt text default null,
    negative_prompt text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.finish_prompt_optimization(optimization_id, outcome, prompt, negative_prompt);
end;

comment on function public.finish_prompt_optimization(uuid, text, text, text) is
'For the functions server, as the caller: notes what came of an optimization, once: {recorded}.';
revoke all on function public.finish_prompt_optimization(uuid, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.finish_prompt_optimization(uuid, text, text, text) to authenticated;

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

    perform private.forget_showcase(p_user_id);

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

    update public.prompt_optimizations as p
    set user_id = null, original_prompt = null, prompt = null, negative_prompt = null
    where p.user_id = p_user_id;

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
