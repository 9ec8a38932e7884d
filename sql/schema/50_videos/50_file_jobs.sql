-- Files to delete, drained by the worker: rows of storage.objects cannot be deleted by SQL (the bytes would stay).
--
-- kind  delete         path in a Storage bucket; one that is missing counts as deleted
--       delete_google  output prefix of a provider call: what that call left at its provider, whichever that is
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
    constraint file_job_kind_is_known check (kind in ('delete', 'delete_google')),
    constraint file_job_has_a_bucket check ((kind = 'delete') = (bucket is not null)),
    constraint file_job_lease_has_a_holder check ((lease_token is null) = (leased_by is null)),
    constraint file_job_attempts_are_never_negative check (attempts >= 0)
);

create index file_jobs_due on private.file_jobs (due_at);

comment on table private.file_jobs is 'Files the worker has to delete. Gone when done.';
alter table private.file_jobs enable row level security;
revoke all on table private.file_jobs from public, anon, authenticated, service_role;
