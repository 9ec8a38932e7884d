"""Who takes part in the scenario, and what happens to it besides calls: a worker's verdicts, written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from tests.concurrency.shop import STORED_VIDEO

if TYPE_CHECKING:
    from tests.concurrency.shop import Job, Shop

ANN: Final = "Ann"
BOB: Final = "Bob"
GONE: Final = "somebody deleted"
ADMIN: Final = "admin"
SERVER: Final = "secret key"

PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(24)


async def accept(shop: Shop, task_id: str) -> None:
    """Google has taken it."""
    job = await shop.claim(UUID(task_id))
    await shop.verb("begin_submit(%s, %s)", job.task_id, job.lease)
    await shop.verb("record_operation(%s, 1, %s)", job.task_id, f"operations/{task_id}")


async def complete(shop: Shop, task_id: str) -> None:
    """The clip is made and stored."""
    job = await _transfer(shop, task_id)
    await shop.store_file(job.task_id)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)


async def lose(shop: Shop, task_id: str) -> None:
    """The clip is made, and could not be stored."""
    job = await _transfer(shop, task_id)
    await shop.verb("fail_video(%s, %s, 'download_failed', '{}')", job.task_id, job.lease)


async def fail(shop: Shop, task_id: str, code: str) -> None:
    """The provider refuses it."""
    job = await shop.claim(UUID(task_id))
    await shop.verb("begin_submit(%s, %s)", job.task_id, job.lease)
    await shop.verb("fail_video(%s, %s, %s, '{}')", job.task_id, job.lease, code)


async def _transfer(shop: Shop, task_id: str) -> Job:
    job = await shop.claim(UUID(task_id))
    made = '{"google_video_url": "gs://clips/1.mp4"}'
    await shop.verb("record_poll(%s, %s, 'succeeded', %s)", job.task_id, job.lease, made)
    job = await shop.claim(job.task_id)
    await shop.verb("begin_transfer(%s, %s)", job.task_id, job.lease)
    return job
