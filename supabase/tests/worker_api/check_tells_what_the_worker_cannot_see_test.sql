-- `worker check` runs as a role that sees nothing: this verb tells it about cron, Vault and the models on sale.
begin;
select plan(14);

select tests.set_time('2030-01-01 12:00:00+00');
delete from vault.secrets where name in ('worker_url', 'worker_token');
delete from private.worker_heartbeats;

select is(worker_api.check() ->> 'role', session_user::text, 'who is logged in');
select is(worker_api.check() -> 'contract_version', '1', 'the version of the contract');

-- Cron ---------------------------------------------------------------------------------------------------------------
select is(
    worker_api.check() -> 'cron', '{"is_scheduled": true, "beat_age_seconds": null}', 'the tick has never come'
);
insert into private.worker_heartbeats (worker_id, version, status, beat_at)
values ('pg_cron', '', '{}', private.now() - interval '8 seconds'), ('w', '1', '{}', private.now());
select is(worker_api.check() #> '{cron,beat_age_seconds}', '8.0', 'it came eight seconds ago');
select cron.alter_job(j.jobid, active := false) from cron.job as j where j.jobname = 'video-tick';
select is(worker_api.check() #> '{cron,is_scheduled}', 'false', 'a job that is switched off is no schedule');

-- Vault --------------------------------------------------------------------------------------------------------------
select is(
    worker_api.check() -> 'vault',
    '{"has_worker_url": false, "has_worker_token": false, "worker_token_fingerprint": null}',
    'there are no secrets'
);
select vault.create_secret('http://worker:8080', 'worker_url');
select vault.create_secret('', 'worker_token') as id \gset
select is(
    worker_api.check() -> 'vault',
    '{"has_worker_url": true, "has_worker_token": false, "worker_token_fingerprint": null}',
    'an empty one is none'
);
select vault.update_secret(:'id', 'a-token-of-some-length');
select is(
    worker_api.check() -> 'vault',
    '{"has_worker_url": true, "has_worker_token": true, "worker_token_fingerprint": "4f0d205b316a"}',
    'a token is shown by twelve digits of its SHA-256'
);
select unalike(worker_api.check()::text, '%a-token-of-some-length%', 'and never itself');

-- Models -------------------------------------------------------------------------------------------------------------
select is(
    (select array_agg(m ->> 'id') from jsonb_array_elements(worker_api.check() -> 'models') as m),
    '{veo-3.1,veo-3.1-fast}', 'models that are switched off are not told'
);
update public.video_models as m set retires_at = private.now() + interval '1 day' where m.id = 'veo-3.1';
select is(
    worker_api.check() #> '{models,0}',
    '{"id": "veo-3.1", "provider": "vertex", "provider_model": "veo-3.1-generate-001", "is_available": true,
      "retires_at": "2030-01-02T12:00:00+00:00"}',
    'who makes it, and until when'
);
select tests.advance_time('1 day');
select is(worker_api.check() #> '{models,0,is_available}', 'false', 'a retired model is not on sale');
update public.video_models as m set paused_at = private.now(), pause_reason = 'gone' where m.id = 'veo-3.1-fast';
select is(worker_api.check() #> '{models,1,is_available}', 'false', 'nor is a paused one');
update public.video_models set is_enabled = false;
select is(worker_api.check() -> 'models', '[]', 'there may be none');

select finish();
rollback;
