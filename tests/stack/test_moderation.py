"""Creem's moderation before anything is paid: a real worker, a stand-in in Creem's place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.worker import assert_books_in_order, running_worker, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google, WorkerProcess

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
def worker(moderated_worker: WorkerProcess) -> WorkerProcess:
    return moderated_worker


@pytest.fixture
def hasty_worker(workshop: Stack, creem: httpx.AsyncClient, tmp_path: Path) -> Iterator[WorkerProcess]:
    del creem
    settings = workshop.creem_env | {"CREEM_MODERATION_SECONDS": "0"}
    with running_worker(workshop, tmp_path / "worker.log", **settings) as running:
        yield running


def words(text: str) -> str:
    """A prompt that no other test has."""
    return f"{text} {secrets.token_hex(6)}"


async def screened(creem: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await creem.get("/_creem/screened")).json()
    return found


async def test_what_creem_flags_or_denies_is_never_generated_and_costs_nothing(
    worker: WorkerProcess, workshop: Stack, customer: Customer, google: Google, creem: httpx.AsyncClient
) -> None:
    image = await customer.upload_image("first.png", PNG)
    prompts = [words("fine"), words("bad [deny]"), words("odd [flag]"), words("moves [deny]"), words("plain")]
    tasks = [
        await customer.order(prompts[0]),
        await customer.order(prompts[1]),
        await customer.order(prompts[2]),
        await customer.order(prompts[3], reference_image_path=image),
        await customer.order(prompts[4], negative_prompt="nothing [deny]"),
    ]
    ended = [await customer.ended(task) for task in tasks]
    assert [status["status"] for status in ended] == ["completed"] + ["failed"] * 4
    for status, prompt in zip(ended[1:], prompts[1:], strict=True):
        assert status["error"]["code"] == "prompt_rejected"
        assert status["refunded_credits"] == status["credit_cost"] > 0
        assert await google.creates(prompt) == 0
    asked = [question for question in await screened(creem) if question["external_id"] == tasks[4]]
    assert [question["prompt"] for question in asked] == [prompts[4], "nothing [deny]"]
    assert not any(word in worker.log_file.read_text() for word in prompts), "no prompt in the log"
    await assert_books_in_order(workshop)


async def test_without_an_answer_nothing_is_generated(
    hasty_worker: WorkerProcess, customer: Customer, google: Google, creem: httpx.AsyncClient
) -> None:
    await creem.post("/_creem/behaviour", json={"moderation": "down"})
    prompt = words("a boat")
    status = await customer.ended(await customer.order(prompt))
    assert status["error"]["code"] == "moderation_unavailable"
    assert status["refunded_credits"] == status["credit_cost"] > 0
    assert await google.creates(prompt) == 0
    assert hasty_worker.events("moderation_unanswered")


async def test_a_short_outage_of_moderation_delays_and_fails_nothing(
    worker: WorkerProcess, customer: Customer, creem: httpx.AsyncClient
) -> None:
    await creem.post("/_creem/behaviour", json={"moderation": "down"})
    task = await customer.order(words("a boat"))
    await worker.wait_for("moderation_unanswered")
    await creem.post("/_creem/behaviour", json={"moderation": "ok"})
    assert (await customer.ended(task))["status"] == "completed"

    async def is_counted() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (
                'worker_moderations_total{decision="allow"}' in (await http.get(f"{worker.url}/metrics")).text
            )

    await until(is_counted, "the count of what was allowed")
