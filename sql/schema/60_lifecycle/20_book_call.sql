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
