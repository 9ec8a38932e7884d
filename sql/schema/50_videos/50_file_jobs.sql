-- Files to delete or copy, drained by the worker: bytes in Storage change only through its API.
--
-- kind  delete         path in a Storage bucket; one that is missing counts as deleted
--       delete_google  output prefix of a provider call: what that call left at its provider, whichever that is
--       copy           from source_bucket and source_path to bucket and path, for an item of the showcase
--
-- A worker names the kinds it knows when it claims, so that a new kind waits for a worker that knows it.
create table private.file_jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    bucket text,
    path text not null,
    due_at timestamptz not null default private.now(),
    attempts integer not null default 0,
    lease_token uuid,
    leased_by text,
    last_error text,
    source_bucket text,
    source_path text,
    showcase_item_id uuid,
    constraint file_job_kind_is_known check (kind in ('delete', 'delete_google', 'copy')),
    constraint file_job_has_a_bucket check ((kind in ('delete', 'copy')) = (bucket is not null)),
    constraint only_copies_have_a_source check (
        num_nonnulls(source_bucket, source_path, showcase_item_id) = case when kind = 'copy' then 3 else 0 end
    ),
    constraint file_job_lease_has_a_holder check ((lease_token is null) = (leased_by is null)),
    constraint file_job_attempts_are_never_negative check (attempts >= 0)
);

create index file_jobs_due on private.file_jobs (due_at);
create index file_jobs_by_showcase_item
on private.file_jobs (showcase_item_id) where showcase_item_id is not null;

comment on table private.file_jobs is 'Files the worker has to delete or copy. Gone when done.';
alter table private.file_jobs enable row level security;
revoke all on table private.file_jobs from public, anon, authenticated, service_role;
