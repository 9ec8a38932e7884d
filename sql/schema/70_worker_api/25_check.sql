-- What `worker check` cannot see for itself: the platform's parts around the queue. Reads, and changes nothing.
--
-- {role, contract_version, cron: {is_scheduled, beat_age_seconds}, vault: {has_worker_url, has_worker_token,
-- worker_token_fingerprint}, models: [{id, provider, provider_model, is_available, retires_at}], submit_per_minute}
--
-- The fingerprint tells whether Vault's token is the worker's own, the commonest mistake, without showing it.
create function worker_api.check() returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
    select jsonb_build_object(
        'role', session_user,
        'contract_version', worker_api.contract_version(),
        'cron', jsonb_build_object(
            'is_scheduled', exists (select from cron.job as j where j.jobname = 'video-tick' and j.active),
            'beat_age_seconds', (
                select extract(epoch from private.now() - h.beat_at)::numeric(12, 1)
                from private.worker_heartbeats as h
                where h.worker_id = 'pg_cron'
            )
        ),
        'vault', (
            select jsonb_build_object(
                'has_worker_url', coalesce(bool_or(v.name = 'worker_url'), false),
                'has_worker_token', coalesce(bool_or(v.name = 'worker_token'), false),
                'worker_token_fingerprint', max(left(encode(sha256(convert_to(v.decrypted_secret, 'utf8')), 'hex'), 12))
                    filter (where v.name = 'worker_token')
            )
            from vault.decrypted_secrets as v
            where v.name in ('worker_url', 'worker_token') and v.decrypted_secret <> ''
        ),
        'models', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'id', m.id,
                        'provider', m.provider,
                        'provider_model', m.provider_model,
                        'is_available', m.paused_at is null and coalesce(m.retires_at > private.now(), true),
                        'retires_at', m.retires_at
                    )
                    order by m.id
                ),
                '[]'
            )
            from public.video_models as m
            where m.is_enabled
        ),
        'submit_per_minute', s.submit_per_minute
    )
    from private.settings as s
$$;

comment on function worker_api.check() is
'What `worker check` has to know about cron, Vault and the models on sale. Read only.';
revoke all on function worker_api.check() from public, anon, authenticated, service_role;
grant execute on function worker_api.check() to video_worker;
