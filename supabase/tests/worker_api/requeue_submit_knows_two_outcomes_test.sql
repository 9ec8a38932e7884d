-- What is neither refused nor unknown, or no attempt in flight, is told so by name.
begin;
select plan(9);

select tests.set_time('2030-01-01 12:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.order_video(:'user_id') as task \gset

select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'refused', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submit"}', 'nothing was sent yet'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 0, 'unknown', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submit"}', 'there is no attempt 0'
);
select tests.bring_to(:'task', 'submitting');
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'accepted', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'another word is no outcome'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, null, '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'nor is none'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 2, 'refused', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'another attempt is not in flight'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, null, 'refused', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "pending", "stage": "submitting"}', 'nor is none'
);
select tests.must_apply(worker_api.record_operation(:'task', 1, 'operations/1'));
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'refused', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'an accepted call is not refused'
);
select tests.changes_nothing(
    :'task', format($$select worker_api.requeue_submit(%L, 1, 'unknown', '{}', null)$$, :'task'),
    '{"result": "illegal_state", "status": "processing", "stage": "poll"}', 'nor unknown'
);
select is(
    worker_api.requeue_submit(gen_random_uuid(), 1, 'refused', '{}', null),
    '{"result": "illegal_state", "status": null, "stage": null}'::jsonb, 'an unknown task has no status'
);

select finish();
rollback;
