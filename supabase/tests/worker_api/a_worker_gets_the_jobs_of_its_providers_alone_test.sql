-- A worker that is not set up for a provider leaves its jobs to others; an attempt belongs to whom it went to.
begin;
select plan(9);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.video_jobs;
update public.video_models set is_enabled = true where id = 'gemini-omni';
select tests.create_rich_user(10000) as owner \gset
select tests.order_video(:'owner') as veo \gset
select tests.order_video_of(:'owner', p_model => 'gemini-omni') as omni \gset

select is_empty(
    $$select worker_api.claim_jobs('w', 50, 50, 50, '{}')$$, 'a worker that is set up for nothing gets nothing'
);
select is_empty(
    $$select worker_api.claim_jobs('w', 50, 50, 50, '{acme}')$$, 'nor does one whose provider sells nothing'
);
select results_eq(
    $$select c ->> 'task_id' from worker_api.claim_jobs('w', 50, 50, 50, '{gemini}') as c$$,
    array[:'omni'::text],
    'one that has a key gets what a key is good for'
);
select is((tests.job(:'veo')).lease_token, null, 'and the rest stays free');
select results_eq(
    $$select c ->> 'task_id' from worker_api.claim_jobs('w', 50, 50, 50, '{vertex,gemini}') as c$$,
    array[:'veo'::text],
    'one that has both gets both'
);

-- The model moves to another provider while a clip is being made
select tests.must_apply(worker_api.begin_submit(:'omni', (tests.job(:'omni')).lease_token));
select tests.must_apply(worker_api.record_operation(:'omni', 1, 'v1_heron'));
update public.video_models set provider = 'acme' where id = 'gemini-omni';
select tests.advance_time('10 seconds');
select is_empty(
    $$select worker_api.claim_jobs('w', 0, 50, 0, '{acme}')$$, 'an attempt is not asked for where it never was'
);
select is(
    (select c ->> 'provider' from worker_api.claim_jobs('w', 0, 50, 0, '{gemini}') as c), 'gemini',
    'but where it was sent'
);

select tests.advance_time('60 seconds');
select is(
    (select count(*) from worker_api.claim_jobs('w', 50, 50, 50)), 2::bigint, 'a worker that names none gets all'
);
select tests.advance_time('60 seconds');
select is(
    (select count(*) from worker_api.claim_jobs('w', 50, 50, 50, null)), 2::bigint, 'also by an explicit null'
);

select finish();
rollback;
