-- While a sweep waits for its locks others go on: what they end, claim or prolong meanwhile is left to them.
begin;
select plan(5);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.video_jobs;
delete from private.alerts;
select tests.create_rich_user() as user_id \gset
create temporary table orders as
select
    t.task_id,
    (array['first', 'ended', 'claimed', 'prolonged', 'waiting'])[row_number() over (order by t.task_id)] as fate
from (select tests.order_video(:'user_id') as task_id from generate_series(1, 5)) as t;

-- What is not late is not even locked, so the sweep keeps no order waiting. ------------------------------------------
select tests.advance_time('30 minutes');
select private.sweep();
select is(
    (select array_agg(distinct j.xmax::text) from private.video_jobs as j), '{0}', 'nothing is locked at its deadline'
);

-- A sweep of one account settles by the tasks' ids: as soon as it has the first, the others change.
create function pg_temp.go_on() returns trigger
language plpgsql
as $$
declare
    v_now timestamptz := private.now();
begin
    perform private.end_task(private.lock_task(o.task_id), 'cancelled', null, 'user')
    from orders as o
    inner join private.video_jobs as j on j.task_id = o.task_id
    where o.fate = 'ended';

    update private.video_jobs as j
    set
        due_at = case when o.fate = 'claimed' then v_now + interval '1 millisecond' else v_now end,
        deadline_at = case when o.fate = 'prolonged' then v_now else j.deadline_at end
    from orders as o
    where o.task_id = j.task_id and o.fate <> 'first';
    return null;
end
$$;
create trigger go_on after update on public.video_generation_history
for each row when (pg_trigger_depth() = 0)
execute function pg_temp.go_on();

select tests.advance_time('1 minute');
select is(private.sweep(), 2, 'only what is still late and held by nobody is swept');
select results_eq(
    $$
    select o.fate, h.status, h.error_code
    from orders as o
    inner join public.video_generation_history as h on h.id = o.task_id
    order by o.task_id
    $$,
    $$
    values
    ('first', 'failed', 'timeout'), ('ended', 'cancelled', null), ('claimed', 'pending', null),
    ('prolonged', 'pending', null), ('waiting', 'failed', 'timeout')
    $$, 'the others are what they became'
);
select is(tests.balance_of(:'user_id'), 1000 - 2 * 80, 'each refund comes once');
select is_empty('select from private.alerts', 'and there is nothing to report');

select finish();
rollback;
