-- Settlement is declared in the schema: these statements are what a bug in any function could write, and each is
-- refused when it commits. tests.violates checks the deferred keys at once; a real COMMIT is in the file beside.
begin;
select plan(24);

select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '10');
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset
select tests.create_video(:'user_id', 'pending') as task_id \gset
select tests.create_video(:'user_id', 'pending') as other_id \gset
select tests.create_video(:'user_id', 'failed') as failed_id \gset
select tests.create_video(:'user_id', 'completed') as completed_id \gset
select h.refund_id as failed_refund from public.video_generation_history as h where h.id = :'failed_id' \gset

create function pg_temp.fail(p_task_id text, p_refund text) returns text
language sql
as $$
    select format(
        'update public.video_generation_history set status = ''failed'', error_code = ''timeout'', '
        'error_message = ''x'', ended_at = private.now(), refund_id = %s where id = %L', p_refund, p_task_id
    )
$$;

-- A ledger entry, and then a statement in the same transaction that may use its id as %1$L.
create function pg_temp.with_entry(
    p_account_id text, p_type text, p_amount integer, p_task_id text, p_then text default ''
) returns text
language sql
as $$
    select format(
        $sql$
        do $do$
        begin
            perform private.post_entry(%L, %L, %s, 'test', %L, p_entry_id => '11111111-1111-1111-1111-111111111111');
            %s
        end
        $do$
        $sql$,
        p_account_id, p_type, p_amount, p_task_id, p_then || case when p_then <> '' then ';' else '' end
    )
$$;

select is(
    tests.constraint_of(
        pg_temp.with_entry(
            :'account_id', 'video_refund', 80, :'task_id',
            pg_temp.fail(:'task_id', '''11111111-1111-1111-1111-111111111111''')
        )
    ), null, 'a failure with its refund is taken: what follows differs from it in one thing each'
);

-- The task's side.
select tests.violates(
    pg_temp.fail(:'task_id', 'null'), 'no_task_ends_without_its_refund', 'failed without a refund'
);
select tests.violates(
    format(
        'update public.video_generation_history set status = ''cancelled'', ended_at = private.now() where id = %L',
        :'task_id'
    ), 'no_task_ends_without_its_refund', 'cancelled without a refund'
);
select tests.violates(
    pg_temp.fail(:'task_id', 'gen_random_uuid()'), 'refund_is_in_the_ledger', 'a refund there is not'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'video_refund', 79, :'task_id',
        pg_temp.fail(:'task_id', '''11111111-1111-1111-1111-111111111111''')
    ), 'refund_is_in_the_ledger', 'one credit too few'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'video_refund', 81, :'task_id',
        pg_temp.fail(:'task_id', '''11111111-1111-1111-1111-111111111111''')
    ), 'refund_is_in_the_ledger', 'one credit too many'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'goodwill_refund', 80, :'task_id',
        pg_temp.fail(:'task_id', '''11111111-1111-1111-1111-111111111111''')
    ), 'refund_is_in_the_ledger', 'an entry of another type'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'video_refund', 80, :'other_id',
        pg_temp.fail(:'task_id', '''11111111-1111-1111-1111-111111111111''')
    ), 'refund_is_named_by_its_task', 'the refund of another task'
);
select tests.violates(
    pg_temp.fail(:'task_id', quote_literal(:'failed_refund')), 'refund_settles_one_task', 'a refund used before'
);
select tests.violates(
    format(
        'update public.video_generation_history set refund_id = %L where id = %L', :'failed_refund', :'completed_id'
    ), 'no_task_ends_without_its_refund', 'completed and refunded'
);
select tests.violates(
    format('update public.video_generation_history set refund_id = null where id = %L', :'failed_id'),
    'no_task_ends_without_its_refund', 'a refund taken off again'
);
select tests.violates(
    format('update public.video_generation_history set credit_cost = 0 where id = %L', :'failed_id'),
    'no_task_ends_without_its_refund', 'a cost changed to nothing afterwards'
);
select tests.violates(
    format('update public.video_generation_history set credit_cost = 40 where id = %L', :'task_id'),
    'charge_is_in_the_ledger', 'a cost changed afterwards'
);

-- The ledger's side.
select tests.violates(
    pg_temp.with_entry(:'account_id', 'video_refund', 80, :'task_id'), 'refund_is_named_by_its_task',
    'a refund of a task that goes on'
);
select tests.violates(
    pg_temp.with_entry(:'account_id', 'video_refund', 80, :'failed_id'), 'refund_is_named_by_its_task',
    'a second refund'
);
select tests.violates(
    pg_temp.with_entry(:'account_id', 'video_refund', 80, :'completed_id'), 'refund_is_named_by_its_task',
    'a refund of a completed task'
);
select tests.violates(
    pg_temp.with_entry(:'account_id', 'video_generation', -80, :'task_id'), 'charge_is_named_by_its_task',
    'a second charge'
);
select tests.violates(
    pg_temp.with_entry(:'account_id', 'video_generation', -80, gen_random_uuid()::text),
    'charge_is_named_by_its_task', 'a charge for no task'
);
select is(
    tests.constraint_of(pg_temp.with_entry(:'account_id', 'goodwill_refund', 80, :'completed_id')), null,
    'goodwill for a completed task needs no settlement'
);

-- The charge.
create function pg_temp.task(p_account_id text, p_cost integer, p_charge text, p_id text) returns text
language sql
as $$
    select format(
        'insert into public.video_generation_history (id, account_id, user_id, prompt, aspect_ratio, resolution, '
        'duration, model, request, credit_cost, charge_id) select %L, a.id, a.user_id, ''x'', ''16:9'', ''720p'', 8, '
        '''veo-3.1'', ''{}'', %s, %s from public.credit_accounts as a where a.id = %L',
        p_id, p_cost, p_charge, p_account_id
    )
$$;
select gen_random_uuid() as new_id \gset
select is(
    tests.constraint_of(
        pg_temp.with_entry(
            :'account_id', 'video_generation', -80, :'new_id',
            pg_temp.task(:'account_id', 80, '''11111111-1111-1111-1111-111111111111''', :'new_id')
        )
    ), null, 'a task with its charge is taken'
);
select tests.violates(
    pg_temp.task(:'account_id', 80, 'null', :'new_id'), 'task_is_charged_unless_free', 'a task without a charge'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'video_generation', -40, :'new_id',
        pg_temp.task(:'account_id', 80, '''11111111-1111-1111-1111-111111111111''', :'new_id')
    ), 'charge_is_in_the_ledger', 'a charge of another amount'
);
select tests.violates(
    pg_temp.with_entry(
        :'account_id', 'admin_deduct', -80, :'new_id',
        pg_temp.task(:'account_id', 80, '''11111111-1111-1111-1111-111111111111''', :'new_id')
    ), 'charge_is_in_the_ledger', 'a charge of another type'
);
select tests.violates(
    pg_temp.task(:'account_id', 0, 'gen_random_uuid()', :'new_id'), 'task_is_charged_unless_free',
    'a free task with a charge'
);

select finish();
rollback;
