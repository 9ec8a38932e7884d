begin;
select plan(12);

select tests.create_rich_user(1000) as user_id \gset
select tests.create_rich_user(1000) as other_user \gset
select tests.configure('video_concurrent_limit', '3');
select tests.configure('video_retry_after_seconds', '33');

create function pg_temp.refusal(p_user_id text) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of($sql$select public.generate_video('a fox')$sql$);
    perform tests.stop_acting();
    return v_error - 'message';
end
$$;

-- Every stage of a live task takes a slot.
select tests.create_video(:'user_id', 'pending') as pending \gset
select tests.create_video(:'user_id', 'processing') as processing \gset
select tests.create_video(:'user_id', 'downloading') as downloading \gset
select is(
    pg_temp.refusal(:'user_id'),
    '{"code": "concurrent_limit_exceeded", "hint": null, "status": 429, "headers": {"Retry-After": "33"},
      "details": {"limit": 3, "active": 3, "retry_after_seconds": 33}}'::jsonb,
    'a fourth one beside one pending, one processing and one downloading is refused'
);
select is(pg_temp.refusal(:'other_user'), null, 'another user has slots of his own');

select tests.act_as(:'user_id');
select is(public.get_credits() -> 'active_tasks', '3', 'he can see how many he has running');
select public.cancel_video(:'pending') is not null as ignored \gset
select tests.stop_acting();
select is(pg_temp.refusal(:'user_id'), null, 'a cancelled task frees its slot');
select is(pg_temp.refusal(:'user_id') ->> 'code', 'concurrent_limit_exceeded', 'for one');

select tests.must_apply(
    worker_api.fail_video(:'processing', (tests.job(:'processing')).lease_token, 'provider_error', '{}')
);
select is(pg_temp.refusal(:'user_id'), null, 'a failed one frees its slot');
select tests.store_file(:'downloading');
select tests.must_apply(
    worker_api.complete_video(:'downloading', (tests.job(:'downloading')).lease_token, tests.stored_video())
);
select is(pg_temp.refusal(:'user_id'), null, 'so does a completed one');

-- The limit is a setting; a task outside of it (a retried download) does not count.
select tests.configure('video_concurrent_limit', '4');
select is(pg_temp.refusal(:'user_id'), null, 'a higher limit counts at once');
select tests.configure('video_concurrent_limit', '2');
select is(
    pg_temp.refusal(:'user_id') -> 'details', '{"limit": 2, "active": 4, "retry_after_seconds": 33}',
    'a lower one too, and what runs goes on'
);
update private.video_jobs as j
set counts_for_limit = false
from public.video_generation_history as h
where h.id = j.task_id and h.user_id = :'user_id';
select is(pg_temp.refusal(:'user_id'), null, 'a task outside the limit takes no slot');
select tests.act_as(:'user_id');
select is(public.get_credits() -> 'active_tasks', '1', 'nor is it counted as running');
select tests.stop_acting();

set constraints all immediate;
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
