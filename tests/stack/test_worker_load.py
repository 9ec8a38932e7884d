"""Many tasks at once, and large files: what one small process has to bear."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import httpx
import pytest
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from tests.support.worker import assert_books_in_order, configured, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google, WorkerProcess

MEGABYTE = 1024 * 1024

pytestmark = pytest.mark.slow


@pytest.fixture
def leases_of_a_project(workshop: Stack) -> Iterator[None]:
    """Not those of the other tests: a slow machine may take longer than five seconds."""
    with configured(workshop, {"video_lease_seconds": 60}):
        yield


@pytest.mark.usefixtures("leases_of_a_project")
async def test_a_hundred_tasks_at_once_are_all_delivered(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess
) -> None:
    run = secrets.token_hex(4)
    prompts = [f"balloons {run} {number}" for number in range(100)]
    tasks = await asyncio.gather(*(customer.order(prompt) for prompt in prompts))

    async def none_is_active() -> bool:
        credit = await customer.call("get_credits")
        return bool(credit["active_tasks"] == 0)

    await until(none_is_active, "the last of a hundred tasks")
    statuses = [await customer.status(task) for task in tasks]
    assert {status["status"] for status in statuses} == {"completed"}
    creates = await google.requests(kind="create", limit="1000")
    assert sorted(entry["prompt"] for entry in creates if run in (entry["prompt"] or "")) == sorted(prompts)
    assert not worker.events("lease_lost")
    assert not worker.events("job_crashed")
    await assert_books_in_order(workshop)


async def test_a_file_of_300_mb_passes_through_in_bounded_memory(
    workshop: Stack, customer: Customer, worker: WorkerProcess
) -> None:
    """The create call is dropped, and a large clip then appears where its own would have: it is adopted."""
    small = await customer.status(await customer.order("warm up"))
    small = await customer.ended(small["task_id"])
    clip = await customer.download(small["video"]["path"])
    before = worker.memory_from_now_on()

    task_id = await customer.order(f"a whale {secrets.token_hex(4)} [drop_lost]")
    await upload_to_google(workshop, f"videos/{task_id}/1/sample_0.mp4", padded(clip, 300 * MEGABYTE))
    status = await customer.ended(task_id)

    assert status["status"] == "completed", status
    assert status["video"]["file_size_bytes"] > 300 * MEGABYTE
    grown = worker.memory_peak() - before
    assert grown < 32 * MEGABYTE, f"{grown / MEGABYTE:.1f} MB"


async def padded(clip: bytes, size: int) -> AsyncIterator[bytes]:
    """The clip, and after it a box of `size` bytes that every MP4 reader skips."""
    yield clip
    yield size.to_bytes(4, "big") + b"free"
    for _ in range(0, size - 8, MEGABYTE):
        yield bytes(MEGABYTE)


async def upload_to_google(stack: Stack, name: str, content: AsyncIterator[bytes]) -> None:
    credentials = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        stack.worker_env["GOOGLE_APPLICATION_CREDENTIALS"],
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    await asyncio.to_thread(credentials.refresh, Request())
    headers = {"authorization": f"Bearer {credentials.token}", "content-type": "video/mp4"}
    async with httpx.AsyncClient(
        base_url=stack.env["GOOGLE_EMULATOR_URL"], headers=headers, trust_env=False, timeout=120
    ) as client:
        answer = await client.post(
            "/upload/storage/v1/b/reelbase-local/o",
            params={"uploadType": "media", "name": name},
            content=content,
        )
    answer.raise_for_status()
