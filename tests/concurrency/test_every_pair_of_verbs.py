"""Whoever meets on one task, in any order: no deadlock, one terminal state, one charge, at most one refund.

In each stage everything that may happen is paired with everything else (and with itself). The first one's
transaction is still open when the second one starts.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.concurrency.acts import ANYWHERE, BY_STAGE, SWEEP, Act, Cast, opened_cast
from tests.support.sessions import Refusal

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Job, Shop
    from tests.support.sessions import Observer

NAMED_RESULTS = {"applied", "already_applied", "lease_lost", "illegal_state"}
EXPECTED_REFUSALS = {"illegal_state", "task_not_found", "not_authenticated", "generation_disabled"}


@pytest.mark.parametrize("stage", BY_STAGE)
async def test_any_two_who_meet_on_a_task(stack: Stack, shop: Shop, watch: Observer, stage: str) -> None:
    acts = BY_STAGE[stage] + ANYWHERE
    async with opened_cast(stack) as cast:
        for first, second in product(acts, acts):
            # What may happen anywhere is paired with itself in one stage only.
            if stage == "submit" or first in BY_STAGE[stage] or second in BY_STAGE[stage]:
                await _meet(shop, watch, cast, first, second, stage)


@pytest.mark.parametrize("stage", BY_STAGE)
async def test_anybody_who_meets_the_sweep_on_a_task_past_its_deadline(
    stack: Stack, shop: Shop, watch: Observer, stage: str
) -> None:
    async with opened_cast(stack) as cast:
        for act in BY_STAGE[stage] + ANYWHERE:
            await _meet(shop, watch, cast, act, SWEEP, stage, is_late=True)
            await _meet(shop, watch, cast, SWEEP, act, stage, is_late=True)


async def _meet(
    shop: Shop, watch: Observer, cast: Cast, first: Act, second: Act, stage: str, *, is_late: bool = False
) -> None:
    await shop.clear()
    user_id = await shop.user(1000)
    job = await shop.job(stage, user_id=user_id)
    if is_late:
        await shop.database.execute(
            "update private.video_jobs set deadline_at = now() - interval '1 hour', due_at = now()"
        )
    await cast.sign_in(user_id)
    early, late = cast.first[first.role], cast.second[second.role]

    await early.begin()
    first_answer = await early.ask(first.about(job, user_id))
    statement = late.start(second.about(job, user_id))
    await watch.until_blocked_or_done(late, statement)
    if isinstance(first_answer, Refusal):
        await early.rollback()
    else:
        assert await early.commit() is None, f"{first.name} broke a deferred rule"
    second_answer = await statement

    story = f"{first.name}, then {second.name}: {first_answer}, {second_answer}"
    for answer in (first_answer, second_answer):
        if isinstance(answer, Refusal):
            assert answer.code in EXPECTED_REFUSALS, story
        elif isinstance(answer, dict) and "result" in answer:
            assert answer["result"] in NAMED_RESULTS, story
    await _assert_consistent(shop, job, story)


async def _assert_consistent(shop: Shop, job: Job, story: str) -> None:
    assert (
        await shop.rows(
            "select * from private.audit_ledger() where finding <> 'stored_file_is_missing_or_differs'"
        )
        == []
    ), story
    task = await shop.task(job.task_id)
    refunds = await shop.refunds(job.task_id)
    assert refunds == int(task["status"] in {"failed", "cancelled"}), story
