"""From the first release to this one with data in it, while the first release's worker goes on working.

Migrations that have landed never leave `FIRST_RELEASE` and are not edited; nor are the calls of its worker,
in tests/support/first_release.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.support import first_release
from tests.support.database import connect, connect_as
from tests.support.first_release import OldWorker
from tests.support.projects import MIGRATIONS, Project, clashes, look
from tests.support.stacks import own_platform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from functions_py.local.stack import Stack

FIRST_RELEASE = (
    "20261123000100_foundation.sql",
    "20261123000200_configuration.sql",
    "20261123000300_accounts.sql",
    "20261123000400_catalogue.sql",
    "20261123000500_videos.sql",
    "20261123000600_lifecycle.sql",
    "20261123000700_worker_api.sql",
    "20261123000800_client_api.sql",
    "20261123000900_operations.sql",
    "20261123001000_storage.sql",
)

# Stand for a release to come, so that something is always applied to a database at work. One busy table each,
# as CONVENTIONS.md asks: with two in one transaction, a worker's call that needs both ends in a deadlock.
_NEXT_RELEASE = {
    "20991231235957_rank.sql": "alter table private.video_jobs add column rank integer not null default 0;"
    "create index video_jobs_by_rank on private.video_jobs (rank, due_at);",
    "20991231235958_note.sql": "alter table public.video_generation_history add column note text;",
    "20991231235959_remark.sql": "alter table public.credit_transactions add column remark text;",
}

_VIDEO = json.dumps(
    {"size_bytes": 1000, "sha256": "ab" * 32, "width": 1280, "height": 720, "duration_seconds": 8.0}
)


@dataclass
class Town:
    """Users with credits, and their tasks by the stage in which the first release left them."""

    stack: Stack
    worker: OldWorker
    tasks: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)

    async def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        async with connect(self.stack) as database:
            return await (await database.execute(query.encode(), parameters)).fetchall()

    async def order(self, name: str) -> UUID:
        """A new user, with 100 credits and a task."""
        self.users[name] = user_id = uuid4()
        await self.rows(
            "insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)"
            " values (%s, 'authenticated', 'authenticated', %s, now(), now(), now()) returning id",
            *(user_id, f"{user_id}@example.com"),
        )
        await self.rows("select public.admin_grant_credits(%s, 100, 'test')", user_id)
        async with connect_as(self.stack, user_id) as client:
            cursor = await client.execute("select public.generate_video(prompt => 'a cat') as task")
            (row,) = await cursor.fetchall()
        self.tasks[name] = UUID(row["task"]["task_id"])
        return self.tasks[name]

    async def in_stage(self, stage: str, name: str | None = None) -> None:
        """A task that the worker holds in a stage."""
        task, worker = await self.order(name or stage), self.worker
        await worker.claim(submit=1)
        if stage == "submit":
            return
        await worker.verb(first_release.BEGIN_SUBMIT, task)
        if stage == "submitting":
            return
        if stage == "reconcile":
            unknown = {"submit_attempt": 1, "outcome": "unknown", "detail": "{}", "retry_after_seconds": None}
            await worker.verb(first_release.REQUEUE_SUBMIT, task, **unknown)
            await self.make_due(task)
            await worker.claim(poll=1)
            return
        await worker.verb(
            first_release.RECORD_OPERATION, task, submit_attempt=1, operation_id=f"operations/{task}"
        )
        await self.make_due(task)
        await worker.claim(poll=1)
        if stage == "poll":
            return
        await self.made(task)
        await worker.claim(transfer=1)
        await worker.verb(first_release.BEGIN_TRANSFER, task)

    async def made(self, task: UUID) -> None:
        """The provider has made the clip."""
        detail = json.dumps({"google_video_url": f"gs://clips/{task}.mp4"})
        await self.worker.verb(first_release.RECORD_POLL, task, outcome="succeeded", detail=detail)

    async def stored(self, task: UUID) -> None:
        """The clip is in Storage."""
        await self.rows(
            "insert into storage.objects (bucket_id, name, metadata)"
            " select 'videos', user_id || '/' || id || '.mp4', '{\"size\": 1000}'"
            " from public.video_generation_history where id = %s returning id",
            task,
        )
        await self.worker.verb(first_release.COMPLETE_VIDEO, task, video=_VIDEO)

    async def make_due(self, task: UUID) -> None:
        await self.rows(
            "update private.video_jobs set due_at = '-infinity' where task_id = %s returning task_id", task
        )

    async def statuses(self) -> dict[str, str]:
        found = await self.rows("select id, status from public.video_generation_history")
        by_id = {row["id"]: row["status"] for row in found}
        return {name: by_id[task] for name, task in self.tasks.items()}

    async def balances(self) -> dict[str, int]:
        found = await self.rows(
            "select user_id, balance from public.credit_accounts where user_id is not null"
        )
        by_id = {row["user_id"]: row["balance"] for row in found}
        return {name: by_id[user] for name, user in self.users.items() if user in by_id}

    async def assert_settled(self) -> None:
        assert await self.rows("select * from private.audit_ledger()") == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A database of the first release."""
    with own_platform() as stack:
        made = Project.made(stack, tmp_path)
        made.add(MIGRATIONS / name for name in FIRST_RELEASE)
        made.push()
        yield made


@contextlib.asynccontextmanager
async def inhabited(stack: Stack) -> AsyncIterator[Town]:
    """Tasks in every stage, and some that have ended in every way."""
    async with connect(stack, "video_worker") as database:
        town = Town(stack, OldWorker(database))
        assert await town.worker.call(first_release.CONTRACT_VERSION) == 1
        await town.worker.heartbeat()
        for stage in ("submit", "submitting", "reconcile", "poll", "transfer"):
            await town.in_stage(stage)
        await town.in_stage("transfer", "completed")
        await town.stored(town.tasks["completed"])
        await town.in_stage("poll", "failed")
        await town.worker.verb(
            first_release.FAIL_VIDEO, town.tasks["failed"], error_code="safety_filter", detail="{}"
        )
        await town.in_stage("poll", "of a deleted user")
        await town.rows("delete from auth.users where id = %s returning id", town.users["of a deleted user"])
        cancelled = await town.order("cancelled")
        async with connect_as(stack, town.users["cancelled"]) as client:
            await client.execute("select public.cancel_video(%s)", (cancelled,))
        await town.order("waiting")
        yield town


@contextlib.asynccontextmanager
async def at_work(stack: Stack, task: UUID, lease: str) -> AsyncIterator[None]:
    """A further connection that calls all the time; no call may fail."""
    async with connect(stack, "video_worker") as database:
        worker = OldWorker(database)
        is_over = asyncio.Event()

        async def work() -> int:
            rounds = 0
            while not is_over.is_set():
                await worker.heartbeat()
                await worker.claim()
                extended = await worker.call(first_release.EXTEND_LEASE, task_id=task, lease_token=lease)
                assert extended["result"] == "applied"
                rounds += 1
                await asyncio.sleep(0.01)
            return rounds

        working = asyncio.create_task(work())
        try:
            yield
        finally:
            is_over.set()
            assert await working > 0


async def test_tasks_of_the_first_release_end_well_after_every_later_one(
    project: Project, tmp_path: Path
) -> None:
    later = sorted(path for path in MIGRATIONS.glob("*.sql") if path.name not in FIRST_RELEASE)
    for name, statements in _NEXT_RELEASE.items():
        (tmp_path / name).write_text(f"set lock_timeout = '5s';{statements}")
        later.append(tmp_path / name)
    async with inhabited(project.stack) as town:
        before = await town.statuses(), await town.balances(), await ledger(town)
        assert sorted(before[0].values()) == sorted(
            ["pending"] * 4 + ["processing", "downloading", "completed", "failed", "failed", "cancelled"]
        )
        held = town.tasks["poll"]
        for migration in later:
            project.add([migration])
            async with at_work(project.stack, held, town.worker.jobs[held]["lease_token"]):
                await asyncio.to_thread(project.push)
            assert (await town.statuses(), await town.balances(), await ledger(town)) == before
            await town.assert_settled()
        assert clashes(look(project.stack)) == set()
        await finish(town)


async def test_an_upgrade_in_one_push_ends_as_well(project: Project) -> None:
    async with inhabited(project.stack) as town:
        project.add(MIGRATIONS.glob("*.sql"))
        await asyncio.to_thread(project.push)
        await finish(town)


async def ledger(town: Town) -> list[dict[str, Any]]:
    """What was entered, in the columns of the first release."""
    return await town.rows(
        "select id, account_id, entry_no, type, amount, balance_before, balance_after, task_id, actor, reason"
        " from public.credit_transactions order by account_id, entry_no"
    )


async def finish(town: Town) -> None:
    """The old worker brings what it holds to an end, under the leases and attempts of before."""
    worker, tasks = town.worker, town.tasks
    await worker.heartbeat()
    await worker.verb(first_release.BEGIN_SUBMIT, tasks["submit"])
    accepted = {"submit_attempt": 1, "operation_id": "operations/late"}
    await worker.verb(first_release.RECORD_OPERATION, tasks["submitting"], **accepted)
    found = json.dumps({"google_video_url": "gs://clips/found.mp4", "operation_id": "operations/found"})
    await worker.verb(first_release.RECORD_POLL, tasks["reconcile"], outcome="succeeded", detail=found)
    await town.made(tasks["poll"])
    await town.stored(tasks["transfer"])

    await town.make_due(tasks["submitting"])
    await worker.claim(submit=5, poll=5, transfer=5)
    await worker.verb(first_release.BEGIN_SUBMIT, tasks["waiting"])
    await worker.verb(first_release.FAIL_VIDEO, tasks["waiting"], error_code="invalid_request", detail="{}")
    await worker.verb(first_release.RECORD_POLL, tasks["submitting"], outcome="running", detail="{}")
    for name in ("reconcile", "poll"):
        await worker.verb(first_release.BEGIN_TRANSFER, tasks[name])
        await town.stored(tasks[name])

    refused = {"submit_attempt": 1, "outcome": "refused", "detail": "{}", "retry_after_seconds": 1}
    await worker.verb(first_release.REQUEUE_SUBMIT, tasks["submit"], **refused)

    file_job = await worker.call(first_release.CLAIM_FILE_JOBS, slots=1)
    done = {"file_job_id": file_job["file_job_id"], "lease_token": file_job["lease_token"]}
    assert (await worker.call(first_release.COMPLETE_FILE_JOB, **done))["result"] == "applied"
    assert (await worker.call(first_release.RELEASE_LEASES))["result"] == "applied"

    assert await town.statuses() == {
        "submit": "pending",
        "submitting": "processing",
        "reconcile": "completed",
        "poll": "completed",
        "transfer": "completed",
        "completed": "completed",
        "failed": "failed",
        "of a deleted user": "failed",
        "cancelled": "cancelled",
        "waiting": "failed",
    }
    paid, unpaid = 20, 100
    assert await town.balances() == {
        **dict.fromkeys(["submit", "submitting", "reconcile", "poll", "transfer", "completed"], paid),
        **dict.fromkeys(["failed", "cancelled", "waiting"], unpaid),
    }
    await town.assert_settled()


def test_the_first_release_is_still_there() -> None:
    assert [name for name in FIRST_RELEASE if not (MIGRATIONS / name).exists()] == []
