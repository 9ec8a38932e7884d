"""Veo and Omni side by side: each order goes to the provider of its model, and to a worker that has it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from tests.contract.google_far_end import picture
from tests.support.database import connect
from tests.support.processes import free_port
from tests.support.worker import assert_books_in_order, job_of, running_worker, until
from worker.media import check_asked, inspect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google, WorkerProcess

OMNI = "gemini-omni"
WITHOUT_VERTEX = {"GOOGLE_CLOUD_PROJECT": "", "VIDEO_OUTPUT_GCS_URI": ""}
WITHOUT_GEMINI = {"GOOGLE_AI_API_KEY": ""}


@pytest_asyncio.fixture(scope="module", autouse=True)
async def omni_on_sale(workshop: Stack) -> AsyncIterator[None]:
    """As an operator switches it on, and off again."""
    async with connect(workshop) as connection:
        switch = "update public.video_models set is_enabled = %s where id = %s"
        await connection.execute(switch, (True, OMNI))
        yield
        await connection.execute(switch, (False, OMNI))


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse in fog {secrets.token_hex(4)}"


async def test_omni_makes_a_clip_from_a_picture_and_google_keeps_nothing(
    workshop: Stack, worker: WorkerProcess, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    image = await customer.upload_image("lighthouse.png", picture().content)
    options = {"model": OMNI, "reference_image_path": image, "aspect_ratio": "9:16", "resolution": "1080p"}
    status = await customer.ended(await customer.order(prompt, **options))
    assert status["status"] == "completed", status
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(await customer.download(status["video"]["path"]))
    check_asked(inspect(clip), duration=4, resolution="1080p", aspect_ratio="9:16")
    assert await google.creates(prompt) == 1

    async def is_forgotten() -> bool:
        deleted = await google.requests(kind="delete", prompt=prompt)
        return {(entry["object"] or "").partition("/")[0] for entry in deleted} == {"files", "interactions"}

    await until(is_forgotten, "the deletion of file and interaction at Google")
    await assert_books_in_order(workshop)


async def test_a_lost_omni_call_is_never_repeated_and_refunded(
    workshop: Stack, worker: WorkerProcess, google: Google, customer: Customer, prompt: str
) -> None:
    """Its clip is made and cannot be found: there is no place to look."""
    before = await customer.call("get_credits")
    task_id = await customer.order(f"{prompt} [drop]", model=OMNI)

    async def is_looked_for() -> bool:
        job = await job_of(workshop, task_id)
        return job is not None and job["stage"] == "reconcile"

    await until(is_looked_for, "the search for the clip")
    async with connect(workshop) as connection:
        now = "update private.video_jobs set deadline_at = private.now() where task_id = %s"
        await connection.execute(now, (task_id,))
    status = await customer.ended(task_id)
    assert status["error"]["code"] == "submission_unknown"
    assert status["refunded_credits"] == status["credit_cost"] > 0
    assert (await customer.call("get_credits"))["balance"] == before["balance"]
    assert await google.creates(f"{prompt} [drop]") == 1


async def test_what_a_model_cannot_do_is_refused_before_it_is_paid(customer: Customer, prompt: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await customer.order(prompt, model=OMNI, negative_prompt="rain")
    assert refused.value.response.json()["code"] == "invalid_parameter"


async def test_a_worker_leaves_what_it_is_not_set_up_for_to_one_that_is(
    workshop: Stack, customer: Customer, google: Google, prompt: str, tmp_path: Path
) -> None:
    with running_worker(workshop, tmp_path / "omni.log", **WITHOUT_VERTEX) as omni:
        veo_task = await customer.order(f"{prompt} by veo")
        omni_task = await customer.order(f"{prompt} by omni", model=OMNI)
        assert (await customer.ended(omni_task))["status"] == "completed"
        job = await job_of(workshop, veo_task)
        assert job is not None
        assert (job["stage"], job["lease_token"]) == ("submit", None)
        assert not omni.events("provider_not_configured")
        assert omni.events("started")[0]["providers"] == ["gemini"]
        with running_worker(workshop, tmp_path / "veo.log", WORKER_PORT=free_port(), **WITHOUT_GEMINI) as veo:
            assert veo.events("started")[0]["providers"] == ["vertex"]
            assert (await customer.ended(veo_task))["status"] == "completed"
    assert await google.creates(f"{prompt} by veo") == 1
