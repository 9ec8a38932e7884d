begin;
select plan(14);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
select tests.create_rich_user(100) as user_id \gset
select tests.create_video(:'user_id', 'failed') as failed \gset
select tests.create_video(:'user_id', 'processing') as live \gset
insert into private.admin_actions (actor, action, user_id, task_id, details, reason)
values ('operator', 'looked_into', :'user_id', :'failed', '{"ticket": 7}', 'ticket 7');

select tests.act_as(:'admin_id');
select public.admin_get_video(:'failed') as trail \gset
select is(
    (select array_agg(k.key order by k.key) from jsonb_object_keys(:'trail'::jsonb) as k (key)),
    '{admin_actions,job,ledger,retries,task,user}'::text[], 'everything about a task in one answer'
);
select is(
    (
        select
            jsonb_agg(
                jsonb_build_array(e.v ->> 'type', e.v -> 'amount', e.v -> 'balance_after', e.v ->> 'actor')
                order by e.place
            )
        from jsonb_array_elements(:'trail'::jsonb -> 'ledger') with ordinality as e (v, place)
    ),
    '[["video_generation", -80, 20, "user"], ["video_refund", 80, 100, "worker"]]'::jsonb,
    'what was paid and what came back'
);
select is(:'trail'::jsonb #>> '{task,error,code}', 'safety_filter', 'why it failed');
select is(:'trail'::jsonb #>> '{task,provider_calls,0,outcome}', 'filtered', 'what the provider said');
select is(:'trail'::jsonb #>> '{user,user_id}', :'user_id', 'whose it is');
select is(:'trail'::jsonb -> 'job', 'null'::jsonb, 'there is nothing left to do');
select is(
    (:'trail'::jsonb #> '{admin_actions,0}') - array['id', 'created_at'],
    '{"actor": "operator", "action": "looked_into", "details": {"ticket": 7}, "reason": "ticket 7"}'::jsonb,
    'and who looked into it'
);
select is(
    public.admin_get_video(:'live') -> 'job',
    jsonb_build_object(
        'stage', 'poll', 'due_at', timestamptz '2031-03-05 10:01:00+00',
        'deadline_at', timestamptz '2031-03-05 10:15:00+00', 'leased_by', 'worker-1', 'submit_attempt', 1,
        'refusals', 0, 'last_refusal', null, 'download_attempt', 0, 'counts_for_limit', true
    ), 'of a live one, what a worker has to do next, and which one holds it'
);
select tests.stop_acting();
select (tests.job(:'live')).lease_token as lease \gset
select tests.act_as(:'admin_id');
select is(
    strpos(public.admin_get_video(:'live')::text, :'lease'), 0, 'but nothing to act in its place with'
);

-- Of a user who is gone.
select tests.stop_acting();
delete from auth.users where id = :'user_id';
select tests.act_as(:'admin_id');
select is(public.admin_get_video(:'failed') -> 'user', 'null'::jsonb, 'a person who left is not shown');
select is(public.admin_get_video(:'failed') #> '{task,prompt}', 'null'::jsonb, 'nor what he wrote');
select is(jsonb_array_length(public.admin_get_video(:'failed') -> 'ledger'), 2, 'his ledger is');
select tests.throws_code(
    format('select public.admin_get_video(%L)', gen_random_uuid()), 'task_not_found', 'a task there is not'
);
select tests.throws_code('select public.admin_get_video(null)', 'task_not_found', 'none');

select tests.stop_acting();
select finish();
rollback;
