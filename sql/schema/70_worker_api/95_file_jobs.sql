-- Files to delete or copy. A job is gone when done; a failed one comes back later, and from its tenth failure on is an
-- alert. Only the kinds that the worker names are handed out: one of the release before copies nothing.
--
-- {file_job_id, kind, bucket, path, lease_token, provider, operation_id}; a copy has {source_bucket, source_path} too.
-- For delete_google provider and operation are those of the call with this output prefix, as they are now: an operation
-- that was handed in late is known here. Null if none.
create function worker_api.claim_file_jobs(
    worker_id text,
    slots integer,
    kinds text[] default '{delete,delete_google}'
) returns setof jsonb
language plpgsql
volatile
security definer
set search_path = ''
rows 50
as $$
declare
    v_now timestamptz := private.now();
    v_settings private.settings;
begin
    select * into v_settings from private.settings;

    return query
    with due as materialized (
        select f.id, f.kind, f.path
        from private.file_jobs as f
        where f.due_at <= v_now and f.kind = any (claim_file_jobs.kinds)
        order by f.due_at
        limit least(greatest(slots, 0), v_settings.batch_size)
        for update skip locked
    )
    update private.file_jobs as f
    set lease_token = gen_random_uuid(), leased_by = worker_id, due_at = v_now + v_settings.lease_period
    from due
    left join private.provider_calls as c on due.kind = 'delete_google' and c.output_prefix = due.path
    where f.id = due.id
    returning jsonb_build_object(
        'file_job_id', f.id, 'kind', f.kind, 'bucket', f.bucket, 'path', f.path, 'lease_token', f.lease_token,
        'provider', c.provider, 'operation_id', c.operation_id
    ) || case
        when f.kind = 'copy'
            then jsonb_build_object('source_bucket', f.source_bucket, 'source_path', f.source_path)
        else '{}'
    end;
end
$$;

comment on function worker_api.claim_file_jobs(text, integer, text[]) is 'Leases files to delete or copy to a worker.';
revoke all on function worker_api.claim_file_jobs(text, integer, text[]) from public, anon, authenticated, service_role;
grant execute on function worker_api.claim_file_jobs(text, integer, text[]) to video_worker;

-- The file is gone, or copied. The last copy of an item of the showcase hands it to the reviewers. Locks that item
-- first: who withdraws it does so too.
create function worker_api.complete_file_job(file_job_id bigint, lease_token uuid) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_item_id uuid;
begin
    select f.showcase_item_id into v_item_id
    from private.file_jobs as f
    where f.id = complete_file_job.file_job_id;
    perform from public.showcase_items as s where s.id = v_item_id for update;

    delete from private.file_jobs as f
    where f.id = complete_file_job.file_job_id and f.lease_token = complete_file_job.lease_token;
    if found then
        update public.showcase_items as s
        set item_status = 'in_review'
        where s.id = v_item_id
            and s.item_status = 'copying'
            and not exists (select from private.file_jobs as f where f.showcase_item_id = v_item_id);
        return '{"result": "applied"}'::jsonb;
    end if;
    if exists (select from private.file_jobs as f where f.id = complete_file_job.file_job_id) then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    return '{"result": "already_applied"}'::jsonb;
end
$$;

comment on function worker_api.complete_file_job(bigint, uuid) is 'The file is gone, or copied: so is its job.';
revoke all on function worker_api.complete_file_job(bigint, uuid) from public, anon, authenticated, service_role;
grant execute on function worker_api.complete_file_job(bigint, uuid) to video_worker;

create function worker_api.fail_file_job(file_job_id bigint, lease_token uuid, detail jsonb) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_job private.file_jobs;
begin
    update private.file_jobs as f
    set
        attempts = f.attempts + 1,
        last_error = fail_file_job.detail::text,
        lease_token = null,
        leased_by = null,
        due_at = private.now() + least(power(2, least(f.attempts, 12)) * 30, 3600) * interval '1 second'
    where f.id = fail_file_job.file_job_id and f.lease_token = fail_file_job.lease_token
    returning * into v_job;

    if v_job.id is null then
        return '{"result": "lease_lost"}'::jsonb;
    end if;
    if v_job.attempts >= 10 then
        perform private.raise_alert(
            'file_job_stuck', 'warning', v_job.id::text, to_jsonb(v_job) - 'lease_token'
        );
    end if;
    return jsonb_build_object('result', 'applied', 'retry_at', v_job.due_at);
end
$$;

comment on function worker_api.fail_file_job(bigint, uuid, jsonb) is
'The file could not be deleted or copied: tries again later.';
revoke all on function worker_api.fail_file_job(bigint, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function worker_api.fail_file_job(bigint, uuid, jsonb) to video_worker;
