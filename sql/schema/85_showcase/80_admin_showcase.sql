-- Administrators look at what is handed in, and decide.

-- A page of the items that stand like this, newest first.
create function private.admin_list_showcase(p_status text, p_cursor text, p_page_size integer) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    v_status text := coalesce(p_status, 'in_review');
    v_page_size integer := private.checked_page_size(p_page_size);
    v_from record := private.decode_cursor(p_cursor);
    v_page public.showcase_items[];
begin
    perform private.require_admin();
    if v_status not in ('copying', 'in_review', 'published', 'hidden', 'rejected', 'taken_down') then
        perform private.refuse_parameter(
            'status', '["copying", "in_review", "published", "hidden", "rejected", "taken_down"]',
            'This status does not exist.'
        );
    end if;

    select array_agg(p.s order by (p.s).submitted_at desc, (p.s).id desc) into v_page
    from (
        select s
        from public.showcase_items as s
        where s.item_status = v_status
            and (s.submitted_at, s.id) < (v_from.created_at, v_from.id)
        order by s.submitted_at desc, s.id desc
        limit v_page_size + 1
    ) as p;

    return jsonb_build_object(
        'items', coalesce(
            (
                select jsonb_agg(private.reviewed_showcase_item(s) order by s.submitted_at desc, s.id desc)
                from unnest(v_page[1:v_page_size]) as s
            ), '[]'
        ),
        'next_cursor', case
            when cardinality(v_page) > v_page_size then
                private.encode_cursor((v_page[v_page_size]).submitted_at, (v_page[v_page_size]).id)
        end
    );
end
$$;

comment on function private.admin_list_showcase(text, text, integer) is 'A page of items by status, for review.';
revoke all on function private.admin_list_showcase(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.admin_list_showcase(text, text, integer) to authenticated;

create function public.admin_list_showcase(
    status text default 'in_review',
    cursor text default null,
    page_size integer default 20
) returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
    select private.admin_list_showcase(status, cursor, page_size);
end;

comment on function public.admin_list_showcase(text, text, integer) is
'Showcase items by status, with author, prompt and files: {items, next_cursor}. Administrators only.';
revoke all on function public.admin_list_showcase(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.admin_list_showcase(text, text, integer) to authenticated;

-- approve, reject, hide or take_down. Repeating a decision is fine. All but approval need a reason, which the author
-- reads. Rejecting and taking down delete the public copies and are final; a hidden item can be approved again.
--
-- Locks the item. Raises not_admin, invalid_parameter, item_not_found, illegal_state {status, stage}.
create function private.admin_review_showcase_item(p_item_id uuid, p_decision text, p_reason text) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_item public.showcase_items;
    v_target text := case p_decision
        when 'approve' then 'published'
        when 'reject' then 'rejected'
        when 'hide' then 'hidden'
        when 'take_down' then 'taken_down'
    end;
begin
    if v_target is null then
        perform private.refuse_parameter(
            'decision', '["approve", "reject", "hide", "take_down"]', 'This decision does not exist.'
        );
    end if;
    if char_length(p_reason) > 500 or (v_target <> 'published' and coalesce(p_reason, '') !~ '[^[:space:]]') then
        perform private.refuse_parameter(
            'reason', '{"min_length": 1, "max_length": 500}', 'Say why, in 1 to 500 characters: its author reads it.'
        );
    end if;

    select * into v_item from public.showcase_items as s where s.id = p_item_id for update;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;
    if v_item.item_status = v_target then
        return private.reviewed_showcase_item(v_item);
    end if;
    if (v_item.item_status, v_target) not in (
        ('in_review', 'published'), ('hidden', 'published'), ('in_review', 'rejected'), ('published', 'hidden'),
        ('copying', 'taken_down'), ('in_review', 'taken_down'), ('published', 'taken_down'), ('hidden', 'taken_down')
    ) then
        perform private.raise_error(
            'illegal_state', format('An item that is %s cannot become %s.', v_item.item_status, v_target),
            jsonb_build_object('status', v_item.item_status, 'stage', null)
        );
    end if;

    update public.showcase_items as s
    set
        item_status = v_target,
        status_reason = case when v_target <> 'published' then p_reason end,
        published_at = coalesce(s.published_at, case when v_target = 'published' then private.now() end),
        featured_position = null
    where s.id = p_item_id
    returning * into v_item;

    if v_target in ('rejected', 'taken_down') then
        perform private.drop_showcase_files(v_item);
    end if;

    insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
    values (
        v_actor, 'review_showcase_item', v_item.author_id, v_item.source_task_id,
        jsonb_build_object('item_id', p_item_id, 'decision', p_decision), p_reason
    );
    return private.reviewed_showcase_item(v_item);
end
$$;

comment on function private.admin_review_showcase_item(uuid, text, text) is
'Approves, rejects, hides or takes down an item. See public.admin_review_showcase_item.';
revoke all on function private.admin_review_showcase_item(uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.admin_review_showcase_item(uuid, text, text) to authenticated;

create function public.admin_review_showcase_item(
    item_id uuid,
    decision text,
    reason text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_review_showcase_item(item_id, decision, reason);
end;

comment on function public.admin_review_showcase_item(uuid, text, text) is
'approve, reject, hide or take_down: the item. Administrators only.';
revoke all on function public.admin_review_showcase_item(uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.admin_review_showcase_item(uuid, text, text) to authenticated;

-- Puts a published item into one of the five places of the carousel, the first free one if none is named, or takes it
-- out. Who is in a place that is named leaves it.
--
-- Locks the item and those in the carousel. Raises not_admin, invalid_parameter, item_not_found, illegal_state.
create function private.admin_feature_showcase_item(
    p_item_id uuid,
    p_featured boolean,
    p_position integer
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_actor text := private.require_admin();
    v_item public.showcase_items;
    v_position integer;
begin
    if p_position not between 1 and 5 then
        perform private.refuse_parameter(
            'position', '{"minimum": 1, "maximum": 5}', 'The carousel has places 1 to 5.'
        );
    end if;

    -- In id order, as two administrators may change places at the same moment.
    perform
    from public.showcase_items as s
    where s.id = p_item_id or s.featured_position is not null
    order by s.id
    for update;
    select * into v_item from public.showcase_items as s where s.id = p_item_id;
    if not found then
        perform private.raise_error('item_not_found', 'There is no such item.');
    end if;

    if coalesce(p_featured, true) then
        if v_item.item_status <> 'published' then
            perform private.raise_error(
                'illegal_state', 'Only a published item can be featured.',
                jsonb_build_object('status', v_item.item_status, 'stage', null)
            );
        end if;
        v_position := coalesce(
            p_position,
            v_item.featured_position,
            (
                select min(n) from generate_series(1, 5) as n
                where not exists (select from public.showcase_items as s where s.featured_position = n)
            )
        );
        if v_position is null then
            perform private.raise_error(
                'illegal_state', 'All five places are taken: name the one to give to this item.',
                jsonb_build_object('status', v_item.item_status, 'stage', null)
            );
        end if;
        update public.showcase_items as s
        set featured_position = null
        where s.featured_position = v_position and s.id <> p_item_id;
    end if;

    if v_item.featured_position is distinct from v_position then
        update public.showcase_items as s
        set featured_position = v_position
        where s.id = p_item_id
        returning * into v_item;
        insert into private.admin_actions (actor, action, user_id, task_id, details)
        values (
            v_actor, 'feature_showcase_item', v_item.author_id, v_item.source_task_id,
            jsonb_build_object('item_id', p_item_id, 'position', v_position)
        );
    end if;
    return private.reviewed_showcase_item(v_item);
end
$$;

comment on function private.admin_feature_showcase_item(uuid, boolean, integer) is
'Gives an item a place in the carousel. See public.admin_feature_showcase_item.';
revoke all on function private.admin_feature_showcase_item(uuid, boolean, integer)
from public, anon, authenticated, service_role;
grant execute on function private.admin_feature_showcase_item(uuid, boolean, integer) to authenticated;

create function public.admin_feature_showcase_item(
    item_id uuid,
    featured boolean default true,
    "position" integer default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.admin_feature_showcase_item(item_id, featured, position);
end;

comment on function public.admin_feature_showcase_item(uuid, boolean, integer) is
'Gives a published item a place in the carousel, 1 to 5, or takes it out: the item. Administrators only.';
revoke all on function public.admin_feature_showcase_item(uuid, boolean, integer)
from public, anon, authenticated, service_role;
grant execute on function public.admin_feature_showcase_item(uuid, boolean, integer) to authenticated;
