-- The provider says that the model is gone: nobody else should have to find out.
begin;
select plan(10);

select tests.set_time('2030-01-01 12:00:00+00');
delete from private.alerts;
select tests.create_rich_user(1000) as user_id \gset
select tests.create_rich_user(1000) as other_user \gset
select tests.order_video(:'user_id') as task \gset
select tests.order_video(:'other_user') as waiting \gset
select tests.bring_to(:'task', 'submitting') as lease \gset

select is(
    worker_api.fail_video(:'task', :'lease', 'model_retired', '{"code": "404"}') ->> 'result', 'applied',
    'the task fails'
);
select is((tests.task(:'task')).error_code, 'model_retired', 'and says why');
select results_eq(
    $$select id, paused_at, pause_reason is not null from public.video_models where paused_at is not null$$,
    $$values ('veo-3.1', timestamptz '2030-01-01 12:00:00+00', true)$$, 'the model is paused'
);
select results_eq(
    'select kind, severity, subject, details from private.alerts',
    $$values ('model_retired', 'critical', 'veo-3.1', '{"code": "404"}'::jsonb)$$, 'an alert says so'
);

select tests.act_as(:'user_id');
select tests.throws_code(
    $$select public.generate_video('a cat', model => 'veo-3.1')$$, 'model_unavailable',
    'nobody can order it'
);
select is(
    (public.generate_video('a cat', model => 'veo-3.1-fast') ->> 'status'), 'pending', 'other models are still on sale'
);
select tests.stop_acting();
select is(
    worker_api.begin_submit(:'waiting', tests.claim(:'waiting')) ->> 'reason', 'model_unavailable',
    'who waits for it is not kept waiting'
);
select is(tests.refunds_of(:'waiting'), '{80}', 'and has his credits back');

-- A second verdict keeps the first date.
update public.video_models set paused_at = null, pause_reason = null where id = 'veo-3.1';
select tests.order_video(:'user_id') as third \gset
select tests.bring_to(:'third', 'submitting') as lease \gset
update public.video_models set paused_at = '2029-12-31', pause_reason = 'by hand' where id = 'veo-3.1';
select worker_api.fail_video(:'third', :'lease', 'model_retired', null);
select is(
    (select m.pause_reason from public.video_models as m where m.id = 'veo-3.1'), 'by hand',
    'a model that is paused already keeps its reason'
);
select is((select a.occurrences from private.alerts as a where a.kind = 'model_retired'), 2, 'the alert counts up');

select finish();
rollback;
