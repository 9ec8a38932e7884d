-- A user is deleted in Auth, hard or soft, while he has a task in every stage: it works, his tasks are settled, what is
-- personal is gone, his files are queued, and ledger and cost stay without him.
begin;
select plan(58);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.configure('video_concurrent_limit', '100');
delete from private.daily_spend;
insert into storage.buckets (id, name) values ('host-app', 'host-app');

-- Makes a user with a task in every stage and state, deletes him, and asserts what is left.
create function pg_temp.check_deletion(p_kind text) returns setof text
language plpgsql
as $$
declare
    v_user_id uuid := tests.create_rich_user(10000);
    v_bystander uuid := tests.create_rich_user(1000);
    v_account_id uuid := (select a.id from public.credit_accounts as a where a.user_id = v_user_id);
    v_foreign_task uuid := tests.order_video(v_bystander);
    v_foreign_clip uuid := tests.create_video(v_bystander, 'completed');
    v_tasks uuid[];
    v_transfer uuid;
    v_images uuid[];
    v_ended jsonb;
    v_entries bigint;
    v_spend numeric;
    v_stage text;
begin
    delete from private.file_jobs;
    foreach v_stage in array '{submit,submitting,reconcile,poll,transfer}'::text[] loop
        v_tasks := v_tasks || tests.order_video(v_user_id);
        perform tests.bring_to(v_tasks[cardinality(v_tasks)], v_stage);
    end loop;
    v_transfer := v_tasks[5];
    perform tests.order_video(v_user_id);
    perform tests.bring_to(tests.order_video(v_user_id), 'completed');
    perform tests.create_video(v_user_id, 'failed');
    perform tests.create_video(v_user_id, 'cancelled');
    update public.profiles set display_name = 'Ada' where id = v_user_id;
    update public.video_generation_history as h
    set
        negative_prompt = 'rain',
        reference_image_bucket = 'reference-images',
        reference_image_path = v_user_id || '/cat.png'
    where h.user_id = v_user_id;
    insert into storage.objects (bucket_id, name) values
    ('reference-images', v_user_id || '/cat.png'),
    ('reference-images', v_bystander || '/dog.png'),
    -- Not recorded: the host application's own.
    ('host-app', v_user_id || '/avatar.png');
    -- The place of the one he deleted is somebody else's by now.
    insert into public.image_generation_history (user_id, prompt, bucket, path, deleted_at) values
    (v_user_id, 'my cat', 'reference-images', v_user_id || '/cat.png', null),
    (v_user_id, 'my cow', 'host-app', v_user_id || '/cow.png', null),
    (v_user_id, 'my owl', 'reference-images', 'made/' || v_user_id || '.png', null),
    (v_user_id, null, 'host-app', 'made/' || v_bystander || '.png', private.now()),
    (v_bystander, 'my dog', 'host-app', 'made/' || v_bystander || '.png', null);
    select array_agg(i.id) into v_images from public.image_generation_history as i where i.user_id = v_user_id;
    update private.provider_calls as c set detail = '{"said": "no cats"}'
    where c.task_id = any (v_tasks || v_foreign_clip);
    perform private.raise_alert('quote', 'info', t.id::text, '{"said": "no cats"}')
    from unnest(array[v_tasks[1], v_foreign_clip]) as t (id);
    select jsonb_object_agg(h.id, to_jsonb(h.ended_at)) into v_ended
    from public.video_generation_history as h
    where h.account_id = v_account_id and h.ended_at is not null;
    select count(*) into v_entries from public.credit_transactions as t where t.account_id = v_account_id;
    v_spend := tests.spend_today();
    delete from private.file_jobs;
    perform tests.advance_time('1 minute');

    if p_kind = 'hard' then
        delete from auth.users where id = v_user_id;
    else
        update auth.users set deleted_at = private.now() where id = v_user_id;
    end if;

    return next extensions.is(
        (
            select jsonb_object_agg(s.status, s.tasks) from (
                select h.status || coalesce(' ' || h.error_code, '') as status, count(*) as tasks
                from public.video_generation_history as h where h.account_id = v_account_id group by 1
            ) as s
        ),
        '{"completed": 1, "cancelled": 1, "failed user_deleted": 6, "failed safety_filter": 1}'::jsonb,
        p_kind || ': live tasks failed because their user was deleted'
    );
    return next extensions.is(
        (select array_agg(tests.refunds_of(t.id) order by t.id) from unnest(v_tasks) as t (id)),
        '{{80},{80},{80},{80},{80}}', p_kind || ': each of them was refunded once'
    );
    return next extensions.is(
        (select row(a.balance, a.user_id)::text from public.credit_accounts as a where a.id = v_account_id),
        '(9920,)', p_kind || ': the account keeps its balance, without the person'
    );
    return next extensions.is(
        (select count(*) from public.credit_transactions as t where t.account_id = v_account_id), v_entries + 6,
        p_kind || ': the ledger is whole'
    );
    return next extensions.is(
        (
            select count(*) from public.credit_transactions as t
            where t.account_id = v_account_id and t.reason = 'user_deleted' and t.actor = 'system'
        ),
        6::bigint, p_kind || ': and says why'
    );
    return next extensions.is_empty(
        format('select * from private.video_jobs where account_id = %L', v_account_id), p_kind || ': no job is left'
    );
    return next extensions.is_empty(
        format(
            $sql$
                select h.id from public.video_generation_history as h
                where h.account_id = %L and (
                    h.deleted_at is distinct from private.now()
                    or h.request <> '{}'
                    or num_nonnulls(
                        h.user_id, h.prompt, h.negative_prompt, h.reference_image_bucket, h.reference_image_path,
                        h.permanent_video_url, h.thumbnail_url
                    ) > 0
                )
            $sql$, v_account_id
        ),
        p_kind || ': what was personal in his tasks is gone'
    );
    return next extensions.is(
        (
            select jsonb_object_agg(h.id, to_jsonb(h.ended_at))
            from public.video_generation_history as h
            where h.id in (select e.key::uuid from jsonb_each(v_ended) as e)
        ),
        v_ended, p_kind || ': tasks that had ended before keep when'
    );
    return next extensions.is(
        (
            select count(*) from public.video_generation_history as h
            where h.account_id = v_account_id and h.credit_cost = 80 and h.model = 'veo-3.1'
        ),
        9::bigint, p_kind || ': cost and model of every task stay'
    );
    return next extensions.is(
        (
            select array_agg(row(i.user_id, i.prompt, i.path = i.id::text, private.now() - i.deleted_at)::text order by i.deleted_at desc)
            from public.image_generation_history as i
            where i.id = any (v_images)
        ),
        '{"(,,t,00:00:00)","(,,t,00:00:00)","(,,t,00:00:00)","(,,t,00:01:00)"}', p_kind || ': his images are forgotten'
    );
    return next extensions.is_empty(
        $sql$
            select h.id
            from public.video_generation_history as h
            inner join private.provider_calls as c on h.id = c.task_id
            where (h.user_id is null) <> (c.detail = '{}') and c.outcome <> 'late'
            union all
            select h.id
            from public.video_generation_history as h
            inner join private.alerts as a on h.id::text = a.subject
            where (h.user_id is null) <> (a.details = '{}') and a.kind = 'quote'
        $sql$,
        p_kind || ': so is what was said about his tasks, and of nobody else''s'
    );
    return next extensions.is_empty(
        format('select * from public.profiles where id = %L', v_user_id), p_kind || ': so is his profile'
    );
    return next extensions.is(
        (
            select array_agg(f.bucket || ':' || f.path order by f.bucket || ':' || f.path)
            from private.file_jobs as f
            where f.kind = 'delete' and f.due_at = private.now()
        ),
        (
            select array_agg(f.name order by f.name)
            from (
                select o.bucket_id || ':' || o.name as name
                from storage.objects as o
                where o.name like v_user_id || '/%' and o.bucket_id <> 'host-app'
                union all
                values
                ('host-app:' || v_user_id || '/cow.png'),
                ('reference-images:made/' || v_user_id || '.png')
            ) as f
        ),
        p_kind || ': every file of his is queued for deletion, and none that is not'
    );
    return next extensions.is(
        (
            select array_agg(f.path order by f.path)
            from private.file_jobs as f
            where f.kind = 'delete' and f.due_at > private.now()
        ),
        array[v_user_id || '/' || v_transfer || '.jpg', v_user_id || '/' || v_transfer || '.mp4'],
        p_kind || ': what a transfer may still be writing is deleted later'
    );
    return next extensions.is(
        (
            select count(*) from private.file_jobs as f
            where f.kind = 'delete_google' and f.due_at = private.now() + interval '15 minutes'
        ),
        4::bigint, p_kind || ': what the provider was asked for is deleted there'
    );
    return next extensions.is(
        (
            select array_agg(c.outcome order by c.outcome)
            from private.provider_calls as c
            where c.task_id = any (v_tasks)
        ),
        '{abandoned,succeeded,unknown,unknown}', p_kind || ': its calls stay in the books'
    );
    return next extensions.is(tests.spend_today(), v_spend, p_kind || ': and so does what they cost');
    return next extensions.is(
        (
            select row((tests.task(v_foreign_task)).status, tests.balance_of(v_bystander), i.prompt, i.path)::text
            from public.image_generation_history as i
            where i.user_id = v_bystander
        ),
        row('pending', 840, 'my dog', 'made/' || v_bystander || '.png')::text,
        p_kind || ': nobody else is touched'
    );

    -- What comes afterwards.
    perform tests.act_as(v_user_id);
    return next tests.throws_code(
        format('select public.get_video_status(%L)', v_transfer), 'task_not_found',
        p_kind || ': his token opens none of them any more'
    );
    perform tests.act_as(v_user_id);
    return next extensions.is(
        public.list_videos() -> 'items', '[]'::jsonb, p_kind || ': his list is empty'
    );
    perform tests.act_as(v_user_id);
    return next extensions.is(
        (select count(*) from public.videos), 0::bigint, p_kind || ': and so is the view'
    );
    perform tests.stop_acting();
    return next extensions.is(
        worker_api.record_operation(v_tasks[2], 1, 'operations/' || v_tasks[2]) ->> 'status', 'failed',
        p_kind || ': a worker that comes late is told'
    );
    return next extensions.is(
        (select a.kind from private.alerts as a where a.subject = v_tasks[2]::text), 'late_result',
        p_kind || ': and what it brings is booked with an alert'
    );
    return next extensions.is(
        worker_api.complete_video(v_transfer, gen_random_uuid(), tests.stored_video()) ->> 'result', 'illegal_state',
        p_kind || ': a transfer that ends now completes nothing'
    );
    set constraints all immediate;
    return next extensions.is_empty('select * from private.audit_ledger()', p_kind || ': the audit is clean');
    set constraints all deferred;
end
$$;

select pg_temp.check_deletion('hard');
select pg_temp.check_deletion('soft');

-- Twice, and without anything ----------------------------------------------------------------------------------------
select tests.create_rich_user(100) as user_id \gset
select tests.create_video(:'user_id', 'cancelled') as task \gset
update auth.users set deleted_at = private.now() where id = :'user_id';
select tests.state_of(:'task') as state \gset
select lives_ok(
    format('update auth.users set deleted_at = private.now() where id = %L', :'user_id'),
    'a soft deletion may be repeated'
);
select lives_ok(format('delete from auth.users where id = %L', :'user_id'), 'and followed by a hard one');
select is(tests.state_of(:'task'), :'state'::jsonb, 'which finds nothing more to do');

-- A user who undoes nothing: other changes of his row forget nobody.
select tests.create_rich_user(100) as user_id \gset
update auth.users set email = 'new@example.com', updated_at = now() where id = :'user_id';
select is(tests.balance_of(:'user_id'), 100, 'changing a user deletes nothing');

-- No account, no tasks.
select tests.create_user() as user_id \gset
set constraints all immediate;
delete from public.credit_accounts where user_id = :'user_id';
set constraints all deferred;
select lives_ok(format('delete from auth.users where id = %L', :'user_id'), 'a user without an account can be deleted');

-- An anonymous user.
select tests.create_user(p_is_anonymous => true) as user_id \gset
select public.admin_grant_credits(:'user_id', 100, 'test');
select tests.order_video(:'user_id') as task \gset
delete from auth.users where id = :'user_id';
select is((tests.task(:'task')).error_code, 'user_deleted', 'anonymous users are forgotten in the same way');
select is((tests.task(:'task')).user_id, null, 'and leave nothing of themselves');
select is(tests.refunds_of(:'task'), '{80}', 'their tasks are settled');

select finish();
rollback;
