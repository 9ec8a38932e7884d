"""What the worker of the first release sends, word for word. Not changed when the worker of today is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tests.support.database import Connection

CONTRACT_VERSION = "select worker_api.contract_version()"
HEARTBEAT = """
select worker_api.heartbeat(
    worker_id => %(worker_id)s::text, version => %(version)s::text, status => %(status)s::jsonb)"""
CLAIM_JOBS = """
select worker_api.claim_jobs(
    worker_id => %(worker_id)s::text,
    submit_slots => %(submit_slots)s::int,
    poll_slots => %(poll_slots)s::int,
    transfer_slots => %(transfer_slots)s::int)"""
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
RELEASE_LEASES = "select worker_api.release_leases(worker_id => %(worker_id)s::text)"
CLAIM_FILE_JOBS = """
select worker_api.claim_file_jobs(worker_id => %(worker_id)s::text, slots => %(slots)s::int)"""
COMPLETE_FILE_JOB = """
select worker_api.complete_file_job(
    file_job_id => %(file_job_id)s::bigint, lease_token => %(lease_token)s::uuid)"""


@dataclass
class OldWorker:
    """The first release's worker: its calls on one connection that outlives the upgrade."""

    database: Connection
    jobs: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """What it holds: the job of each task, as claimed."""

    async def call(self, statement: str, **parameters: object) -> Any:
        cursor = await self.database.execute(statement.encode(), {"worker_id": "old-worker", **parameters})
        (value,) = (await cursor.fetchone() or {"nothing": None}).values()
        return value

    async def verb(self, statement: str, task_id: UUID, **parameters: object) -> Any:
        """A verb about a task under the lease of its last claim; it must be applied."""
        lease = self.jobs[task_id]["lease_token"]
        answer = await self.call(statement, task_id=task_id, lease_token=lease, **parameters)
        assert answer["result"] == "applied", (statement, answer)
        return answer

    async def claim(self, *, submit: int = 0, poll: int = 0, transfer: int = 0) -> None:
        cursor = await self.database.execute(
            CLAIM_JOBS.encode(),
            {
                "worker_id": "old-worker",
                "submit_slots": submit,
                "poll_slots": poll,
                "transfer_slots": transfer,
            },
        )
        for row in await cursor.fetchall():
            (job,) = row.values()
            self.jobs[UUID(job["task_id"])] = job

    async def heartbeat(self) -> None:
        answer = await self.call(HEARTBEAT, version="1.0.0", status="{}")
        assert answer["settings"]["batch_size"] == 50
