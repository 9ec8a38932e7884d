"""Many workers at the commit point of a paid call: spend cap and minute hold exactly, nobody deadlocks."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.concurrency.shop import PRICE, Job, Shop
from tests.support.sessions import Session, open_session, open_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer

BEGIN = "select worker_api.begin_submit(%s, %s)"
USD = Decimal(6)
"""What one default video costs us."""


async def test_forty_submits_at_once_spend_exactly_the_cap(stack: Stack, shop: Shop, watch: Observer) -> None:
    """Each for a model of its own, so that nothing but the day itself keeps them apart."""
    models = await shop.models(40)
    users = [await shop.user(1000) for _ in models]
    jobs = [
        await shop.job("submit", user_id=user_id, model=model)
        for user_id, model in zip(users, models, strict=True)
    ]
    await shop.configure("video_daily_spend_cap_usd", 10 * float(USD) + 5)
    answers = await _begin_all(stack, shop, watch, jobs)

    begun = [answer for answer in answers if answer["submit"]]
    assert len(begun) == 10
    assert {answer.get("reason") for answer in answers if not answer["submit"]} == {"spend_cap"}
    assert await shop.one("select usd from private.daily_spend") == 10 * USD
    assert (
        await shop.one("select sum(usd) from private.provider_calls where outcome = 'in_flight'") == 10 * USD
    )
    assert sorted([await shop.balance(user_id) for user_id in users]) == [1000 - PRICE] * 10 + [1000] * 30
    assert await shop.one("select occurrences from private.alerts where kind = 'spend_cap_reached'") == 30


async def test_forty_submits_at_once_fill_exactly_the_minute(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    jobs = [await shop.job("submit") for _ in range(40)]
    await shop.configure("video_submit_per_minute", 15)
    async with shop.stopped_clock():
        answers = await _begin_all(stack, shop, watch, jobs)

    assert sum(answer["submit"] for answer in answers) == 15
    assert {answer.get("reason") for answer in answers if not answer["submit"]} == {"throttled"}
    assert await shop.one("select submitted from private.model_brakes") == 15
    assert await shop.one("select usd from private.daily_spend") == 15 * USD


async def test_one_lease_that_begins_twice_at_once_is_one_attempt(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    job = await shop.job("submit")
    answers = await _begin_all(stack, shop, watch, [job] * 5)

    assert sorted(answer["result"] for answer in answers) == ["already_applied"] * 4 + ["applied"]
    assert {answer["submit_attempt"] for answer in answers} == {1}
    assert await shop.one("select usd from private.daily_spend") == USD


async def test_a_refusal_and_a_submit_lock_brake_and_day_in_one_order(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    """The refusal gives USD back and sets the brake; the submit takes from the brake and books USD."""
    refused, waiting = await shop.job("submitting"), await shop.job("submit")
    async with (
        open_session(stack) as gate,
        open_session(stack, "video_worker") as first,
        open_session(stack, "video_worker") as second,
    ):
        await _hold_the_day(gate)
        requeue = first.start(
            "select worker_api.requeue_submit(%s, 1, 'refused', '{}', null)", (refused.task_id,)
        )
        await watch.until_blocked(first)
        begin = second.start(BEGIN, (waiting.task_id, waiting.lease))
        await watch.until_blocked(second)
        await gate.commit()
        assert (await requeue)["result"] == "applied"
        assert (await begin)["reason"] == "throttled"


async def test_refunds_of_spend_and_submits_leave_the_day_exact(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    rejected = [await shop.job("submitting") for _ in range(10)]
    begun = [await shop.job("submit") for _ in range(10)]
    assert await shop.one("select usd from private.daily_spend") == 10 * USD
    async with (
        open_session(stack) as gate,
        open_sessions(stack, 10, "video_worker") as failing,
        open_sessions(stack, 10, "video_worker") as beginning,
    ):
        await _hold_the_day(gate)
        fail = "select worker_api.fail_video(%s, %s, 'invalid_request', '{}')"
        verdicts = _each(failing, fail, rejected) + _each(beginning, BEGIN, begun)
        await watch.until_blocked(*failing, *beginning)
        await gate.commit()
        answers = await asyncio.gather(*verdicts)

    assert [answer["result"] for answer in answers] == ["applied"] * 20
    assert await shop.one("select usd from private.daily_spend") == 10 * USD
    assert await shop.one("select sum(usd) from private.provider_calls where outcome = 'rejected'") == 0


async def _begin_all(stack: Stack, shop: Shop, watch: Observer, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """The answers to begin_submit for all jobs; each waits for the day before the first goes on."""
    today = "(private.now() at time zone 'utc')::date"
    await shop.database.execute(f"insert into private.daily_spend values ({today}, 0) on conflict do nothing")
    async with open_session(stack) as gate, open_sessions(stack, len(jobs), "video_worker") as workers:
        await _hold_the_day(gate)
        begun = _each(workers, BEGIN, jobs)
        await watch.until_blocked(*workers)
        await gate.commit()
        return list(await asyncio.gather(*begun))


async def _hold_the_day(gate: Session) -> None:
    await gate.begin()
    await gate.call("select from private.daily_spend for update")


def _each(sessions: Sequence[Session], statement: str, jobs: Sequence[Job]) -> list[asyncio.Task[Any]]:
    return [
        session.start(statement, (job.task_id, job.lease))
        for session, job in zip(sessions, jobs, strict=True)
    ]
