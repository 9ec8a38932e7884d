begin;
select plan(33);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.configure('video_concurrent_limit', '100');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(1000) as user_id \gset

-- Calls as the administrator; the session is the schema's owner again afterwards.
create function pg_temp.refund(
    p_task_id uuid,
    p_reason text default 'ticket',
    p_amount integer default null,
    p_key text default null
) returns jsonb
language plpgsql
as $$
declare
    v_answer jsonb;
begin
    perform tests.act_as(current_setting('test.admin')::uuid);
    v_answer := public.admin_refund_video(p_task_id, p_reason, p_amount, p_key);
    perform tests.stop_acting();
    return v_answer;
end
$$;
create function pg_temp.refused(p_task_id text, p_reason text, p_amount text, p_key text default null) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(current_setting('test.admin')::uuid);
    v_error := tests.error_of(
        format('select public.admin_refund_video(%L, %L, %L, %L)', p_task_id, p_reason, p_amount, p_key)
    );
    perform tests.stop_acting();
    return jsonb_build_array(v_error -> 'status', v_error -> 'code', v_error -> 'details');
end
$$;
select set_config('test.admin', :'admin_id', true);

-- Live, in every stage -----------------------------------------------------------------------------------------------
create function pg_temp.check_live(p_user_id uuid, p_stage text, p_outcome text, p_usd numeric) returns setof text
language plpgsql
as $$
declare
    v_task_id uuid := tests.order_video(p_user_id);
    v_lease uuid;
    v_balance integer;
begin
    if p_stage <> 'waiting' then
        v_lease := tests.bring_to(v_task_id, p_stage);
    end if;
    v_balance := tests.balance_of(p_user_id);

    return next extensions.is(
        pg_temp.refund(v_task_id),
        jsonb_build_object(
            'result', 'applied', 'task_id', v_task_id, 'status', 'failed', 'refunded_credits', 80,
            'balance', v_balance + 80
        ), p_stage || ': ends now, credits back'
    );
    return next extensions.is(
        row(
            (tests.task(v_task_id)).error_code, tests.refunds_of(v_task_id), (tests.call(v_task_id)).outcome,
            (tests.call(v_task_id)).usd
        )::text,
        row('admin_refunded', '{80}'::integer[], p_outcome, p_usd)::text,
        p_stage || ': as admin_refunded, and the call is in the books'
    );
end
$$;
select pg_temp.check_live(:'user_id', 'waiting', null, null);
select pg_temp.check_live(:'user_id', 'submit', null, null);
select pg_temp.check_live(:'user_id', 'submitting', 'unknown', 6.00);
select pg_temp.check_live(:'user_id', 'reconcile', 'unknown', 6.00);
select pg_temp.check_live(:'user_id', 'poll', 'abandoned', 6.00);
select pg_temp.check_live(:'user_id', 'transfer', 'succeeded', 6.00);

-- Completed ----------------------------------------------------------------------------------------------------------
select tests.create_video(:'user_id', 'completed') as done \gset
select tests.create_video(:'user_id', 'completed') as blurred \gset
select tests.balance_of(:'user_id') as balance \gset
delete from private.admin_actions;

select is(
    pg_temp.refund(:'done', 'black frames', null, 'ticket-1'),
    jsonb_build_object(
        'result', 'applied', 'task_id', :'done', 'status', 'completed', 'refunded_credits', 80,
        'balance', :balance + 80
    ), 'a finished video is paid back and stays'
);
select is(
    (
        select jsonb_build_array(t.type, t.amount, t.actor, t.reason, t.idempotency_key)
        from public.credit_transactions as t
        where t.task_id = :'done' and t.type <> 'video_generation'
    ), jsonb_build_array('goodwill_refund', 80, 'admin:' || :'admin_id', 'black frames', 'ticket-1'),
    'by one entry that says who and why'
);
select is(
    (select jsonb_agg(to_jsonb(c) - 'id') from private.admin_actions as c),
    jsonb_build_array(jsonb_build_object(
        'actor', 'admin:' || :'admin_id', 'action', 'refund_video', 'user_id', :'user_id', 'task_id', :'done',
        'details', jsonb_build_object(
            'status', 'completed', 'idempotency_key', 'ticket-1',
            'request', jsonb_build_object('task_id', :'done', 'reason', 'black frames', 'amount', null)
        ),
        'reason', 'black frames', 'created_at', '2031-03-05T10:00:00+00:00'
    )), 'and a row in the list of what administrators did'
);
select tests.act_as(:'user_id');
select is(
    (public.get_video_status(:'done') ->> 'refunded_credits')::integer, 80, 'the user sees what came back'
);
select tests.stop_acting();
select is(
    pg_temp.refund(:'blurred', 'a little blurred', 1) -> 'refunded_credits', '1'::jsonb, 'a part may be given back'
);

-- Once ---------------------------------------------------------------------------------------------------------------
select tests.changes_nothing(
    :'done', format('select pg_temp.refund(%L, ''black frames'', null, ''ticket-1'')', :'done'),
    jsonb_build_object(
        'result', 'already_applied', 'task_id', :'done', 'status', 'completed', 'refunded_credits', 80,
        'balance', :balance + 81
    ), 'the same key again: told so, and nothing moves'
);
select is(
    pg_temp.refund(:'done', 'another reason', 5) ->> 'result', 'already_applied', 'without a key, too'
);
select is(
    pg_temp.refund(:'blurred', 'the rest', 79, 'ticket-2') -> 'refunded_credits', '1'::jsonb,
    'also when the first gave only a part'
);
select is(
    pg_temp.refused(:'done', 'blue frames', '80', 'ticket-1'),
    '[409, "idempotency_conflict", {"fields": ["amount", "reason"]}]', 'other parameters under a used key are named'
);
select is(
    pg_temp.refused(:'blurred', 'black frames', null, 'ticket-1'),
    '[409, "idempotency_conflict", {"fields": ["task_id"]}]', 'another video of this user is one of them'
);
select is(
    tests.constraint_of(format(
        'select private.post_entry((tests.task(%1$L)).account_id, ''goodwill_refund'', 1, ''system'', %1$L)', :'done'
    )), 'credit_transactions_one_goodwill_for_each_task', 'the schema knows one for each video, whoever writes it'
);

select tests.create_rich_user() as other_user \gset
select tests.create_video(:'other_user', 'completed') as others \gset
select is(
    pg_temp.refund(:'others', 'black frames', null, 'ticket-1') ->> 'result', 'applied',
    'another user''s refund under the same key is one of its own'
);

-- Settled already ----------------------------------------------------------------------------------------------------
select tests.create_video(:'user_id', 'failed') as failed \gset
select tests.create_video(:'user_id', 'cancelled') as cancelled \gset
select is(
    pg_temp.refund(:'failed') - 'balance',
    jsonb_build_object('result', 'already_applied', 'task_id', :'failed', 'status', 'failed', 'refunded_credits', 80),
    'failed: the credits are back already'
);
select is(
    pg_temp.refund(:'cancelled') - 'balance',
    jsonb_build_object(
        'result', 'already_applied', 'task_id', :'cancelled', 'status', 'cancelled', 'refunded_credits', 80
    ), 'cancelled: the same'
);
select tests.create_user() as guest \gset
select tests.fill_history(:'guest', 1, 0);
select is(
    pg_temp.refund(h.id) - 'balance',
    jsonb_build_object('result', 'already_applied', 'task_id', h.id, 'status', 'completed', 'refunded_credits', 0),
    'completed, and it cost nothing: there is nothing to give'
)
from public.video_generation_history as h
where h.user_id = :'guest';

-- Parameters ---------------------------------------------------------------------------------------------------------
select tests.create_video(:'user_id', 'processing') as live \gset
select is(
    pg_temp.refused(:'live', 'x', '79'),
    '[422, "invalid_parameter", {"parameter": "amount", "allowed": {"minimum": 80, "maximum": 80}}]',
    'what is not finished gives back all of its price'
);
select is(
    jsonb_build_array(pg_temp.refused(:'done', 'x', '81'), pg_temp.refused(:'done', 'x', '0')),
    '[[422, "invalid_parameter", {"parameter": "amount", "allowed": {"minimum": 1, "maximum": 80}}],
      [422, "invalid_parameter", {"parameter": "amount", "allowed": {"minimum": 1, "maximum": 80}}]]',
    'at most the price, at least a credit'
);
select is(
    pg_temp.refused(:'live', ' ', null) #>> '{2,parameter}' || ' '
    || (pg_temp.refused(:'live', 'x', null, '') #>> '{2,parameter}'), 'reason idempotency_key',
    'no reason, an empty key'
);
select is(
    pg_temp.refused(gen_random_uuid()::text, 'x', null), '[404, "task_not_found", {}]', 'no such video'
);
update auth.users set deleted_at = now() where id = :'user_id';
select tests.create_rich_user(1000) as leaver \gset
select tests.create_video(:'leaver', 'completed') as kept \gset
update auth.users set deleted_at = now() where id = :'leaver';
select is(
    pg_temp.refused(:'kept', 'x', null), '[404, "user_not_found", {}]',
    'nobody is left to be given the price of his video back'
);

set constraints all immediate;
select is_empty('select * from private.audit_ledger() where finding not like ''stored%''', 'the books are clean');

select finish();
rollback;
