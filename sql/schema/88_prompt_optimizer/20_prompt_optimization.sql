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
