"""Five ways in which others paid twice, told as tests: each credit comes back once.

And what an administrator gives, takes or pays back under one key, asked for twice at the same moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.concurrency.shop import GENERATE, PRICE, STORED_VIDEO
from tests.support.sessions import Refusal, open_session, open_sessions

if TYPE_CHECKING:
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Shop
    from tests.support.sessions import Observer

REFUND = "select public.admin_refund_video(%s, %s, %s, %s)"


async def test_a_refund_function_that_is_called_twice_refunds_once(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(1000)
    job = await shop.job("poll", user_id=user_id)
    call = (job.task_id, "ticket", None, None)
    async with open_sessions(stack, 2) as (first, second):
        await first.begin()
        applied = await first.call(REFUND, call)
        late = second.start(REFUND, call)
        await watch.until_blocked(second)
        assert await first.commit() is None
        repeated = await late

    assert (applied["result"], repeated["result"]) == ("applied", "already_applied")
    assert repeated["refunded_credits"] == PRICE
    assert await shop.balance(user_id) == 1000


async def test_a_reply_that_was_lost_after_the_commit_is_no_second_refund(stack: Stack, shop: Shop) -> None:
    """The worker never hears that its verdict was applied, and gives it again until it does."""
    user_id = await shop.user(1000)
    job = await shop.job("poll", user_id=user_id)
    fail = "select worker_api.fail_video(%s, %s, 'safety_filter', '{}')"
    async with open_session(stack, "video_worker") as worker:
        results = [(await worker.call(fail, (job.task_id, job.lease)))["result"] for _ in range(3)]

    assert results == ["applied", "already_applied", "already_applied"]
    assert await shop.refunds(job.task_id) == 1
    assert await shop.balance(user_id) == 1000


async def test_two_who_reconcile_the_same_reservation_refund_it_once(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    """The sweep and a worker, each for its own reason, find that the clip never came."""
    user_id = await shop.user(1000)
    job = await shop.job("reconcile", user_id=user_id)
    await shop.database.execute(
        "update private.video_jobs set deadline_at = now() - interval '1 hour', due_at = now()"
    )
    async with open_session(stack) as cron, open_session(stack, "video_worker") as worker:
        await cron.begin()
        assert await cron.call("select private.sweep()") == 1
        missing = "select worker_api.record_poll(%s, %s, 'missing', '{}')"
        late = worker.start(missing, (job.task_id, job.lease))
        await watch.until_blocked(worker)
        assert await cron.commit() is None
        assert await late == {"result": "illegal_state", "status": "failed"}

    assert (await shop.task(job.task_id))["error_code"] == "submission_unknown"
    assert await shop.refunds(job.task_id) == 1
    assert await shop.balance(user_id) == 1000


async def test_a_debit_that_never_landed_is_not_refunded(stack: Stack, shop: Shop) -> None:
    user_id = await shop.user(1000)
    async with open_session(stack, user=user_id) as caller:
        await caller.begin()
        order = await caller.call(GENERATE)
        await caller.rollback()
    async with open_session(stack) as support:
        refused = await support.ask(REFUND, (order["task_id"], "he says that he paid", None, None))

    assert isinstance(refused, Refusal)
    assert refused.code == "task_not_found"
    assert await shop.balance(user_id) == 1000
    # Nor by somebody who writes the ledger himself: a refund names a task that names it back.
    async with open_session(stack) as careless:
        await careless.begin()
        await careless.call(
            "select private.post_entry(a.id, 'video_refund', 80, 'system', %s)"
            " from public.credit_accounts as a where a.user_id = %s",
            (uuid4(), user_id),
        )
        broken = await careless.commit()
    assert isinstance(broken, Refusal)
    assert broken.code == "23503"
    assert await shop.balance(user_id) == 1000


async def test_partial_refunds_do_not_add_up_to_more_than_was_paid(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(1000)
    task_id = await _completed(shop, user_id)
    async with open_sessions(stack, 2) as (first, second):
        await first.begin()
        part = await first.call(REFUND, (task_id, "blurred", 50, "ticket-1"))
        late = second.start(REFUND, (task_id, "too short", 60, "ticket-2"))
        await watch.until_blocked(second)
        assert await first.commit() is None
        other = await late

    assert (part["result"], part["refunded_credits"]) == ("applied", 50)
    assert (other["result"], other["refunded_credits"]) == ("already_applied", 50)
    assert await shop.balance(user_id) == 1000 - PRICE + 50


@pytest.mark.parametrize(
    ("verb", "moved"),
    [("admin_grant_credits", 30), ("admin_deduct_credits", -30), ("admin_refund_video", 30)],
)
async def test_one_key_at_the_same_moment_moves_credits_once(
    stack: Stack, shop: Shop, watch: Observer, verb: str, moved: int
) -> None:
    user_id = await shop.user(1000)
    subject = await _completed(shop, user_id) if verb == "admin_refund_video" else user_id
    before = await shop.balance(user_id)
    call = f"select public.{verb}(%s, amount => %s, reason => 'ticket', idempotency_key => 'the key')"
    async with open_sessions(stack, 3) as (first, same, other):
        await first.begin()
        answer = await first.call(call, (subject, 30))
        repeated, different = same.start(call, (subject, 30)), other.start(call, (subject, 40))
        await watch.until_blocked(same, other)
        assert await first.commit() is None
        assert (await repeated)["balance"] == answer["balance"] == before + moved
        refused = await different

    assert isinstance(refused, Refusal)
    assert (refused.code, refused.details) == ("idempotency_conflict", {"fields": ["amount"]})
    assert await shop.balance(user_id) == before + moved


async def _completed(shop: Shop, user_id: UUID) -> UUID:
    job = await shop.job("transfer", user_id=user_id)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)
    return job.task_id
