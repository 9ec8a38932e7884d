"""What users show is copied into the public bucket by the worker, and leaves it again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.database import connect
from tests.support.worker import running_worker, until

if TYPE_CHECKING:
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, WorkerProcess

_REVIEW = "select public.admin_review_showcase_item(%s, %s, %s)"


async def rows(stack: Stack, query: str, *parameters: object) -> list[dict[str, Any]]:
    async with connect(stack) as database:
        return await (await database.execute(query.encode(), parameters)).fetchall()


async def item_of(stack: Stack, item_id: str) -> dict[str, Any]:
    (row,) = await rows(stack, "select * from public.showcase_items where id = %s", item_id)
    return row


async def is_in_review(stack: Stack, item_id: str) -> bool:
    return bool((await item_of(stack, item_id))["item_status"] == "in_review")


async def fetched(stack: Stack, url: str) -> httpx.Response:
    """What anybody gets, without any key."""
    async with httpx.AsyncClient(base_url=stack.env["API_URL"], trust_env=False, timeout=30) as client:
        return await client.get(url)


async def test_a_video_is_shown_byte_for_byte_and_taken_down_again(
    workshop: Stack, customer: Customer, worker: WorkerProcess
) -> None:
    task = await customer.ended(await customer.order("a heron over a lake"))
    private = await customer.download(task["video"]["path"])
    item = await customer.call("publish_to_showcase", task_id=task["task_id"], title="A heron")
    assert item["status"] == "copying"

    async def is_copied() -> bool:
        return await is_in_review(workshop, item["id"])

    await until(is_copied, "the copies")
    (approved,) = await rows(workshop, _REVIEW, item["id"], "approve", None)
    (shown,) = approved.values()
    video, poster = (
        await fetched(workshop, shown["video_url"]),
        await fetched(workshop, shown["thumbnail_url"]),
    )
    assert video.content == private
    assert hashlib.sha256(video.content).hexdigest() == shown["provenance"]["sha256"]
    assert (video.headers["content-type"], video.headers["cache-control"]) == ("video/mp4", "max-age=3600")
    assert poster.content == await customer.download(task["video"]["thumbnail_path"])
    assert poster.headers["content-type"] == "image/jpeg"
    # The private file is as private as before.
    answer = await fetched(workshop, f"/storage/v1/object/public/videos/{task['video']['path']}")
    assert answer.status_code == 400

    await rows(workshop, _REVIEW, item["id"], "take_down", "test")

    async def is_gone() -> bool:
        answers = [await fetched(workshop, shown[name]) for name in ("video_url", "thumbnail_url")]
        return all(answer.status_code == 400 for answer in answers)

    await until(is_gone, "the deletion of the copies")
    assert await customer.download(task["video"]["path"]) == private


async def test_a_worker_that_dies_between_copy_and_record_leaves_it_to_the_next(
    workshop: Stack, customer: Customer, tmp_path: Path
) -> None:
    with running_worker(workshop, tmp_path / "maker.log"):
        task = await customer.ended(await customer.order("an owl in a barn"))
    item = await customer.call("publish_to_showcase", task_id=task["task_id"])
    url = (await item_of(workshop, item["id"]))["video_url"]
    async with connect(workshop) as gate, gate.transaction():
        # The copy is made, but its record waits for the item.
        await gate.execute("select from public.showcase_items where id = %s for update", (item["id"],))
        with running_worker(workshop, tmp_path / "first.log") as first:

            async def is_there() -> bool:
                return (await fetched(workshop, url)).status_code == 200

            await until(is_there, "the copy")
            first.kill()
        # Nor does the statement that it had sent.
        await gate.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'video_worker' and wait_event_type = 'Lock'"
        )
    assert not await is_in_review(workshop, item["id"])
    with running_worker(workshop, tmp_path / "second.log") as second:

        async def is_copied() -> bool:
            return await is_in_review(workshop, item["id"])

        await until(is_copied, "the second worker")
        assert second.events("file_job_failed") == []
    assert (await fetched(workshop, url)).content == await customer.download(task["video"]["path"])
    assert await rows(workshop, "select from private.file_jobs where showcase_item_id = %s", item["id"]) == []
