"""What becomes of a task, for each way in which Google can answer: ordered at once, each with its own end."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.database import connect
from tests.support.worker import Customer, Google, assert_books_in_order, running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack

COMPLETED = {
    # markers: create calls that Google sees
    "": 1,
    "[429:2]": 3,
    "[503:1]": 2,
    "[drop]": 1,
    "[empty200]": 1,
    "[operror:1]": 2,
    "[overloaded:1]": 2,
    "[poll_503:2]": 1,
    "[poll_drop:2]": 1,
    "[cut:1]": 1,
}
FAILED = {
    # markers: (error code, create calls)
    "[safety]": ("safety_filter", 1),
    "[opsafety]": ("safety_filter", 1),
    "[400]": ("invalid_request", 1),
    "[403]": ("provider_error", 1),
    "[operror]": ("provider_error", 3),
    "[noresult]": ("provider_error", 1),
    "[500]": ("submission_unknown", 1),
    "[html502]": ("submission_unknown", 1),
    "[drop_lost]": ("submission_unknown", 1),
    "[hang]": ("submission_unknown", 1),
    "[cut]": ("download_failed", 1),
    "[notvideo]": ("download_failed", 1),
    "[wronglength]": ("download_failed", 1),
    "[nofile]": ("video_expired", 1),
    "[expired]": ("video_expired", 1),
}

ADVICE = {
    "safety_filter": "Change the wording or the image and try again.",
    "invalid_request": "Change the prompt or the image and try again.",
    "provider_error": "Please try again.",
    "model_retired": "Please choose another one.",
    "submission_unknown": "Please try again.",
    "download_failed": "Please try again or contact support.",
    "video_expired": "Please try again.",
}


class Orders:
    """One customer's tasks, by the markers in their prompts."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self.run = secrets.token_hex(4)
        self._tasks: dict[str, str] = {}

    def prompt(self, markers: str) -> str:
        return f"a lighthouse {self.run} {markers}".strip()

    async def place(self, markers: str) -> None:
        self._tasks[markers] = await self.customer.order(self.prompt(markers))

    async def outcome(self, markers: str) -> dict[str, Any]:
        return await self.customer.ended(self._tasks[markers])


@pytest_asyncio.fixture(scope="module")
async def orders(workshop: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Orders]:
    """Everything ordered, with a worker at it."""
    log = tmp_path_factory.mktemp("outcomes") / "worker.log"
    with running_worker(workshop, log, VIDEO_CREATE_TIMEOUT_SECONDS="3"):
        async with Customer.signed_up(workshop) as customer:
            placed = Orders(customer)
            await asyncio.gather(*(placed.place(markers) for markers in [*COMPLETED, *FAILED]))
            yield placed


@pytest.mark.parametrize(("markers", "creates"), COMPLETED.items())
async def test_a_clip_that_was_made_is_delivered(
    orders: Orders, google: Google, markers: str, creates: int
) -> None:
    status = await orders.outcome(markers)
    assert status["status"] == "completed", status
    assert status["refunded_credits"] == 0
    assert status["retry_count"] == (1 if markers == "[cut:1]" else 0)
    assert await google.creates(orders.prompt(markers)) == creates


@pytest.mark.parametrize(("markers", "expected"), FAILED.items())
async def test_a_clip_that_was_not_made_is_refunded(
    orders: Orders, google: Google, markers: str, expected: tuple[str, int]
) -> None:
    status = await orders.outcome(markers)
    assert (status["status"], status["error"]["code"]) == ("failed", expected[0])
    assert status["refunded_credits"] == status["credit_cost"] == 40
    # What happened, what to do next, and that the credits are back.
    assert ADVICE[expected[0]] in status["error"]["message"]
    assert status["error"]["message"].endswith("Your credits are back.")
    assert await google.creates(orders.prompt(markers)) == expected[1]


async def test_a_retired_model_fails_its_task_and_is_sold_no_more(workshop: Stack, orders: Orders) -> None:
    task_id = await orders.customer.order(orders.prompt("[404]"), model="veo-3.1-fast")
    status = await orders.customer.ended(task_id)
    assert status["error"]["code"] == "model_retired"
    assert ADVICE["model_retired"] in status["error"]["message"]
    prices = await orders.customer.call("list_video_prices")
    assert "veo-3.1-fast" not in {price["model"] for price in prices}
    async with connect(workshop) as connection:
        alerts = await connection.execute(
            "select severity, subject from private.alerts where kind = 'model_retired'"
        )
        assert await alerts.fetchall() == [{"severity": "critical", "subject": "veo-3.1-fast"}]


async def test_a_file_that_is_gone_is_not_asked_for_again(orders: Orders) -> None:
    assert (await orders.outcome("[expired]"))["retry_count"] == 1
    assert (await orders.outcome("[cut]"))["retry_count"] == 3


async def test_a_reference_image_that_is_none_costs_nothing(orders: Orders, google: Google) -> None:
    path = await orders.customer.upload_image("text.png", b"this only says that it is a picture")
    prompt = orders.prompt("from text")
    status = await orders.customer.ended(await orders.customer.order(prompt, reference_image_path=path))
    assert status["error"]["code"] == "invalid_request"
    assert await google.creates(prompt) == 0


async def test_in_the_end_the_books_are_in_order(workshop: Stack, orders: Orders) -> None:
    for markers in [*COMPLETED, *FAILED]:
        await orders.outcome(markers)
    await assert_books_in_order(workshop)
