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
