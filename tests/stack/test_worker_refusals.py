"""When Google or Storage says no for a while: how long a task waits, who waits with it, and what it costs."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.contract.google_far_end import picture
from tests.support.database import connect
from tests.support.processes import free_port
from tests.support.worker import (
    FAST,
    assert_books_in_order,
    configured,
    job_of,
    running_worker,
    started_worker,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google

SUBMIT_DEADLINE = timedelta(minutes=30)
BRAKE_SECONDS = 5
ALLOWED_A_MINUTE = 3


@pytest.fixture
def prompt() -> str:
    return f"a mill in the wind {secrets.token_hex(4)}"


@pytest.fixture
def long_brake(workshop: Stack) -> Iterator[None]:
    """After a refusal nobody may call for a time that can be told from everything else that takes long."""
    keys = ("video_submit_backoff_seconds", "video_submit_backoff_max_seconds")
    with configured(workshop, dict.fromkeys(keys, BRAKE_SECONDS)):
        yield


@pytest.fixture
def narrow_minute(workshop: Stack) -> Iterator[None]:
    with configured(workshop, {"video_submit_per_minute": ALLOWED_A_MINUTE}):
        yield


async def forget_brakes(stack: Stack) -> None:
    async with connect(stack) as connection:
        await connection.execute("delete from private.model_brakes")


async def age(stack: Stack, task_id: str, by: timedelta) -> None:
    """Makes an order that much older."""
    async with connect(stack) as connection:
        await connection.execute(
            "update public.video_generation_history set created_at = created_at - %s where id = %s",
            (by, task_id),
        )
        await connection.execute(
            "update private.video_jobs set deadline_at = deadline_at - %s where task_id = %s", (by, task_id)
        )


async def test_who_is_refused_to_the_end_gets_the_credits_back(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    prompts = [f"{prompt} {refusal}" for refusal in ("[429]", "[503]")]
    with running_worker(workshop, tmp_path / "worker.log"):
        tasks = [await customer.order(one) for one in prompts]

        async def are_tried_again() -> bool:
            return min([await google.creates(one) for one in prompts]) >= 3

        await until(are_tried_again, "a third create call for each")
        for task_id in tasks:
            assert (await customer.status(task_id))["status"] == "pending"
            await age(workshop, task_id, SUBMIT_DEADLINE)
        for task_id in tasks:
            status = await customer.ended(task_id)
            assert (status["status"], status["error"]["code"]) == ("failed", "provider_quota")
            assert "try again" in status["error"]["message"]
            assert status["refunded_credits"] == status["credit_cost"] > 0
        sent = [await google.creates(one) for one in prompts]
        await asyncio.sleep(2 * FAST["video_submit_backoff_max_seconds"])
        assert [await google.creates(one) for one in prompts] == sent, "nothing is sent for what has ended"
    await assert_books_in_order(workshop)


@pytest.mark.slow
@pytest.mark.usefixtures("long_brake")
async def test_one_refusal_brakes_every_worker(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await forget_brakes(workshop)
    refused, others = f"{prompt} [429:1]", [f"{prompt} {number}" for number in range(4)]
    with running_worker(workshop, tmp_path / "first.log"):
        tasks = [await customer.order(refused)]
        await google.wait_for_create(refused)
        with running_worker(workshop, tmp_path / "second.log", WORKER_PORT=free_port()):
            tasks += [await customer.order(other) for other in others]
            for task in tasks:
                assert (await customer.ended(task))["status"] == "completed"
    first = datetime.fromisoformat((await google.requests(kind="create", prompt=refused))[0]["time"])
    for other in others:
        (create,) = await google.requests(kind="create", prompt=other)
        assert datetime.fromisoformat(create["time"]) - first >= timedelta(seconds=BRAKE_SECONDS / 2)


@pytest.mark.usefixtures("narrow_minute")
async def test_no_more_is_sent_in_a_minute_than_was_allowed(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    if (passed := datetime.now(UTC).second) > 45:
        await asyncio.sleep(61 - passed)
    await forget_brakes(workshop)
    prompts = [f"{prompt} {number}" for number in range(2 * ALLOWED_A_MINUTE)]

    async def sent() -> int:
        return sum([await google.creates(one) for one in prompts])

    with (
        running_worker(workshop, tmp_path / "first.log") as first,
        running_worker(workshop, tmp_path / "second.log", WORKER_PORT=free_port()) as second,
    ):
        tasks = await asyncio.gather(*(customer.order(one) for one in prompts))

        async def all_have_asked() -> bool:
            waiting = len(first.events("submit_not_begun")) + len(second.events("submit_not_begun"))
            return waiting + await sent() == len(prompts)

        await until(all_have_asked, "every task to be sent or put back")
        assert await sent() == ALLOWED_A_MINUTE
        statuses = [await customer.status(task) for task in tasks]
        for status in statuses:
            if status["status"] == "pending":
                await customer.call("cancel_video", task_id=status["task_id"])
    assert await sent() == ALLOWED_A_MINUTE


async def test_while_google_gives_no_token_a_task_waits_and_nothing_is_counted(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await google.behave(mode="503", services=["token"])
    try:
        with started_worker(workshop, tmp_path / "worker.log") as worker:
            task_id = await customer.order(prompt)
            await worker.wait_for("submit_postponed")
            job = await job_of(workshop, task_id)
            assert job is not None
            assert (job["stage"], job["submit_attempt"], job["refusals"]) == ("submit", 0, 0)
            assert await google.creates(prompt) == 0
            await google.behave(mode="ok")
            assert (await customer.ended(task_id))["status"] == "completed"
            assert not worker.events("job_not_handed_back")
    finally:
        await google.behave(mode="ok")
    assert await google.creates(prompt) == 1


async def test_while_storage_is_away_the_order_with_a_picture_waits(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    path = await customer.upload_image("first.png", picture().content)
    task_id = await customer.order(prompt, reference_image_path=path)
    await asyncio.to_thread(workshop.stop, "platform")
    try:
        with started_worker(workshop, tmp_path / "worker.log") as worker:
            await worker.wait_for("submit_postponed")
            assert await google.creates(prompt) == 0
            await asyncio.to_thread(workshop.start_service, "platform")
            assert (await customer.ended(task_id))["status"] == "completed"
    finally:
        await asyncio.to_thread(workshop.start_service, "platform")
    assert await google.creates(prompt) == 1
