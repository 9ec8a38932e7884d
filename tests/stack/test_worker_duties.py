"""What a running worker delivers, leaves alone, tells, and keeps to itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.database import connect
from tests.support.worker import running_worker, until

if TYPE_CHECKING:
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google, WorkerProcess


@pytest.fixture
def prompt() -> str:
    return f"a harbour at dawn {secrets.token_hex(4)}"


async def store_as_service(stack: Stack, path: str, content: bytes) -> None:
    """Puts a file where a clip will go."""
    key = stack.env["SECRET_KEY"]
    async with httpx.AsyncClient(base_url=stack.env["API_URL"], trust_env=False, timeout=30) as client:
        answer = await client.post(
            f"/storage/v1/object/videos/{path}",
            content=content,
            headers={"apikey": key, "authorization": f"Bearer {key}", "content-type": "video/mp4"},
        )
    answer.raise_for_status()


async def stored_version(stack: Stack, path: str) -> str:
    """A name that Storage gives to each write of an object."""
    async with connect(stack) as connection:
        cursor = await connection.execute("select version from storage.objects where name = %s", (path,))
        row = await cursor.fetchone()
    assert row is not None
    return str(row["version"])


async def test_a_delivered_clip_is_stored_with_its_poster_and_deleted_at_google(
    worker: WorkerProcess, google: Google, customer: Customer, prompt: str
) -> None:
    status = await customer.ended(await customer.order(prompt))
    video = status["video"]
    content = await customer.download(video["path"])
    assert len(content) == video["file_size_bytes"]
    assert (video["width"], video["height"]) == (1280, 720)
    assert (await customer.download(video["thumbnail_path"])).startswith(b"\xff\xd8\xff")
    (done,) = worker.events("completed")

    async def is_deleted_at_google() -> bool:
        deleted = await google.requests(kind="delete")
        return any(done["task_id"] in (entry["object"] or "") for entry in deleted)

    await until(is_deleted_at_google, "the deletion of Google's copy")


async def test_a_tick_needs_the_token_and_is_answered_at_once(workshop: Stack, worker: WorkerProcess) -> None:
    async with httpx.AsyncClient(base_url=worker.url, trust_env=False) as client:
        good = {"authorization": f"Bearer {workshop.env['WORKER_TOKEN']}"}
        assert (await client.post("/tick", headers=good)).status_code == 202
        assert (await client.post("/tick")).status_code == 401
        assert (await client.post("/tick", headers={"authorization": "Bearer nobody"})).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json() == {"ready": True, "problems": []}
        assert "worker_claims_total" in (await client.get("/metrics")).text


async def test_a_file_that_is_stored_already_is_not_sent_again(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess, prompt: str
) -> None:
    """As after a crash between upload and record. The same words make the same clip at the emulator."""
    first = await customer.ended(await customer.order(prompt))
    content = await customer.download(first["video"]["path"])
    task_id = await customer.order(f"{prompt} [slow]")
    path = f"{customer.id}/{task_id}.mp4"
    await store_as_service(workshop, path, content)
    stored = await stored_version(workshop, path)
    await google.finish_when_accepted(f"{prompt} [slow]")
    status = await customer.ended(task_id)
    assert status["status"] == "completed", status
    assert await stored_version(workshop, path) == stored


async def test_another_file_in_its_place_is_replaced(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess, prompt: str
) -> None:
    first = await customer.ended(await customer.order(prompt))
    content = await customer.download(first["video"]["path"])
    task_id = await customer.order(f"{prompt} [slow]")
    path = f"{customer.id}/{task_id}.mp4"
    await store_as_service(workshop, path, bytes(len(content)))
    await google.finish_when_accepted(f"{prompt} [slow]")
    assert (await customer.ended(task_id))["status"] == "completed"
    assert await customer.download(path) == content


async def test_a_worker_without_slots_of_a_kind_leaves_that_work_to_others(
    workshop: Stack, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    with running_worker(workshop, tmp_path / "first.log", WORKER_TRANSFER_SLOTS="0") as first:
        task_id = await customer.order(prompt)

        async def is_downloading() -> bool:
            status = await customer.status(task_id)
            return bool(status["status"] == "downloading")

        await until(is_downloading, "the end of the generation")
        assert not first.events("completed")
    nothing_else = {"WORKER_SUBMIT_SLOTS": "0", "WORKER_POLL_SLOTS": "0"}
    with running_worker(workshop, tmp_path / "second.log", **nothing_else):
        assert (await customer.ended(task_id))["status"] == "completed"


async def test_no_secret_and_no_prompt_is_logged(
    workshop: Stack, worker: WorkerProcess, customer: Customer, prompt: str
) -> None:
    tasks = [await customer.order(f"{prompt} {marker}") for marker in ("", "[400]", "[cut:1]")]
    for task_id in tasks:
        await customer.ended(task_id)
    text = worker.log_file.read_text()
    assert prompt not in text
    for secret in ("SUPABASE_SECRET_KEY", "WORKER_TOKEN", "DATABASE_URL"):
        assert workshop.worker_env[secret] not in text
    assert all(
        {"task_id", "attempt"} <= entry.keys()
        for entry in worker.log
        if entry["event"] in {"submitted", "completed"}
    )
