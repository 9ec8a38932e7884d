"""The worker's whole SQL: one statement per verb of ``worker_api``.

Every argument is cast, so that the choice of function never hangs on how a driver guesses a type.
"""

from __future__ import annotations

CONTRACT_VERSION = "select worker_api.contract_version()"

CHECK = "select worker_api.check()"

HEARTBEAT = """
select worker_api.heartbeat(
    worker_id => %(worker_id)s::text, version => %(version)s::text, status => %(status)s::jsonb)"""

CLAIM_JOBS = """
select worker_api.claim_jobs(
    worker_id => %(worker_id)s::text,
    submit_slots => %(submit_slots)s::int,
    poll_slots => %(poll_slots)s::int,
    transfer_slots => %(transfer_slots)s::int,
    providers => %(providers)s::text[])"""

EXTEND_LEASE = """
select worker_api.extend_lease(task_id => %(task_id)s::uuid, lease_token => %(lease_token)s::uuid)"""

BEGIN_SUBMIT = """
select worker_api.begin_submit(task_id => %(task_id)s::uuid, lease_token => %(lease_token)s::uuid)"""

RECORD_OPERATION = """
select worker_api.record_operation(
    task_id => %(task_id)s::uuid,
    submit_attempt => %(submit_attempt)s::int,
    operation_id => %(operation_id)s::text)"""

REQUEUE_SUBMIT = """
select worker_api.requeue_submit(
    task_id => %(task_id)s::uuid,
    submit_attempt => %(submit_attempt)s::int,
    outcome => %(outcome)s::text,
    detail => %(detail)s::jsonb,
    retry_after_seconds => %(retry_after_seconds)s::numeric)"""

RECORD_POLL = """
select worker_api.record_poll(
    task_id => %(task_id)s::uuid,
    lease_token => %(lease_token)s::uuid,
    outcome => %(outcome)s::text,
    detail => %(detail)s::jsonb)"""

BEGIN_TRANSFER = """
select worker_api.begin_transfer(task_id => %(task_id)s::uuid, lease_token => %(lease_token)s::uuid)"""

COMPLETE_VIDEO = """
select worker_api.complete_video(
    task_id => %(task_id)s::uuid, lease_token => %(lease_token)s::uuid, video => %(video)s::jsonb)"""

FAIL_VIDEO = """
select worker_api.fail_video(
    task_id => %(task_id)s::uuid,
    lease_token => %(lease_token)s::uuid,
    error_code => %(error_code)s::text,
    detail => %(detail)s::jsonb)"""

POSTPONE_JOB = """
select worker_api.postpone_job(
    task_id => %(task_id)s::uuid, lease_token => %(lease_token)s::uuid, seconds => %(seconds)s::numeric)"""

RELEASE_LEASES = "select worker_api.release_leases(worker_id => %(worker_id)s::text)"

CLAIM_FILE_JOBS = """
select worker_api.claim_file_jobs(
    worker_id => %(worker_id)s::text, slots => %(slots)s::int, kinds => %(kinds)s::text[])"""

COMPLETE_FILE_JOB = """
select worker_api.complete_file_job(
    file_job_id => %(file_job_id)s::bigint, lease_token => %(lease_token)s::uuid)"""

CLAIM_WEBHOOKS = """
select worker_api.claim_webhooks(worker_id => %(worker_id)s::text, slots => %(slots)s::int)"""

COMPLETE_WEBHOOK = """
select worker_api.complete_webhook(
    delivery_id => %(delivery_id)s::uuid, lease_token => %(lease_token)s::uuid)"""

FAIL_WEBHOOK = """
select worker_api.fail_webhook(
    delivery_id => %(delivery_id)s::uuid,
    lease_token => %(lease_token)s::uuid,
    detail => %(detail)s::jsonb)"""

FAIL_FILE_JOB = """
select worker_api.fail_file_job(
    file_job_id => %(file_job_id)s::bigint,
    lease_token => %(lease_token)s::uuid,
    detail => %(detail)s::jsonb)"""
