"""Settlement through real COMMITs: what one transaction breaks, or two blind to each other, is refused.

A trigger that looks at the other table would pass both sides of such a race (write skew); keys do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.sessions import Refusal, Session, open_session

if TYPE_CHECKING:
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Shop
    from tests.support.sessions import Observer

FOREIGN_KEY_VIOLATION = "23503"


async def _refund(session: Session, task_id: UUID) -> None:
    """A refund in the ledger, behind the back of the functions that would also end the task."""
    await session.call(
        "select private.post_entry(h.account_id, 'video_refund', h.credit_cost, 'system', h.id)"
        " from public.video_generation_history as h where h.id = %s",
        (task_id,),
    )


async def _complete(session: Session, task_id: UUID) -> None:
    """A task that completes without anybody having locked its account."""
    await session.call(
        "update public.video_generation_history"
        " set status = 'completed', permanent_video_url = 'videos/x.mp4', file_size_bytes = 1000,"
        " sha256 = repeat('ab', 32), width = 1280, height = 720, video_duration = 8,"
        " completed_at = private.now(), downloaded_at = private.now(), ended_at = private.now()"
        " where id = %s",
        (task_id,),
    )


async def _fail(session: Session, task_id: UUID, refund_id: UUID | None = None) -> Refusal | None:
    """A task that fails, naming a refund that is not there."""
    answer = await session.ask(
        "update public.video_generation_history"
        " set status = 'failed', error_code = 'timeout', error_message = 'x', refund_id = %s,"
        " ended_at = private.now()"
        " where id = %s",
        (refund_id, task_id),
    )
    return answer if isinstance(answer, Refusal) else None


async def test_a_refund_and_a_completion_that_do_not_see_each_other_cannot_both_commit(
    stack: Stack, shop: Shop
) -> None:
    for refund_is_first in (True, False):
        job = await shop.job("transfer")
        async with open_session(stack) as refunding, open_session(stack) as completing:
            await refunding.begin()
            await completing.begin()
            await _refund(refunding, job.task_id)
            await _complete(completing, job.task_id)
            if refund_is_first:
                refund, completion = await refunding.commit(), await completing.commit()
            else:
                completion, refund = await completing.commit(), await refunding.commit()

        assert refund == Refusal(FOREIGN_KEY_VIOLATION, "refund_is_named_by_its_task")
        assert completion is None
        assert await shop.refunds(job.task_id) == 0
        await _tidy(shop, job.task_id)


async def test_a_failure_cannot_borrow_the_refund_of_a_transaction_it_does_not_see(
    stack: Stack, shop: Shop
) -> None:
    """One names the other's refund, the other relies on being named: each half is refused on its own."""
    job = await shop.job("poll")
    async with open_session(stack) as refunding, open_session(stack) as failing:
        await refunding.begin()
        await failing.begin()
        await _refund(refunding, job.task_id)
        refund_id = await refunding.call(
            "select id from public.credit_transactions where task_id = %s and type = 'video_refund'",
            (job.task_id,),
        )
        assert await _fail(failing, job.task_id, refund_id) is None
        refund = refunding.start("commit")
        assert await failing.commit() == Refusal(FOREIGN_KEY_VIOLATION, "refund_is_in_the_ledger")
        assert await refund == Refusal(FOREIGN_KEY_VIOLATION, "refund_is_named_by_its_task")

    task = await shop.task(job.task_id)
    assert (task["status"], task["refund_id"]) == ("processing", None)


async def test_nobody_commits_a_failure_without_its_refund(stack: Stack, shop: Shop) -> None:
    job = await shop.job("poll")
    async with open_session(stack) as session:
        assert await _fail(session, job.task_id) == Refusal("23514", "no_task_ends_without_its_refund")

        await session.begin()
        invented = await session.call("select gen_random_uuid()")
        assert await _fail(session, job.task_id, invented) is None
        assert await session.commit() == Refusal(FOREIGN_KEY_VIOLATION, "refund_is_in_the_ledger")
    assert (await shop.task(job.task_id))["status"] == "processing"


async def test_nobody_commits_a_balance_without_its_entry(stack: Stack, shop: Shop) -> None:
    user_id = await shop.user(100)
    async with open_session(stack) as session:
        await session.begin()
        await session.call(
            "update public.credit_accounts set balance = balance + 1 where user_id = %s", (user_id,)
        )
        assert await session.commit() == Refusal(FOREIGN_KEY_VIOLATION, "account_shows_its_last_entry")
    assert await shop.balance(user_id) == 100


async def test_deferred_rules_hold_for_a_caller_who_may_read_neither_table(stack: Stack, shop: Shop) -> None:
    """They are checked at COMMIT, under the role then in force."""
    user_id = await shop.user(1000)
    async with open_session(stack, user=user_id) as caller:
        await caller.begin()
        task = await caller.call("select public.generate_video('a cat')")
        cancelled = await caller.call("select public.cancel_video(%s)", (task["task_id"],))
        assert await caller.commit() is None
    assert (cancelled["status"], cancelled["refunded_credits"]) == ("cancelled", 80)
    assert await shop.balance(user_id) == 1000


async def test_two_refunds_of_one_task_at_once_are_one(stack: Stack, shop: Shop, watch: Observer) -> None:
    """Two sessions end a task by hand, each with a refund of its own: the second waits, and is refused."""
    job = await shop.job("poll")
    end = (
        "select (private.end_task(h, 'failed', 'timeout', 'system')).status"
        " from public.video_generation_history as h where h.id = %s"
    )
    async with open_session(stack) as first, open_session(stack) as second:
        await first.begin()
        assert await first.call(end, (job.task_id,)) == "failed"
        late = second.start(end, (job.task_id,))
        await watch.until_blocked(second)
        assert await first.commit() is None
        refused = await late
    assert isinstance(refused, Refusal)
    assert await shop.refunds(job.task_id) == 1


async def _tidy(shop: Shop, task_id: UUID) -> None:
    """Takes back what no function of ours would have left: a completed task with a job."""
    await shop.database.execute("delete from private.video_jobs where task_id = %s", (task_id,))
    await shop.database.execute(
        "delete from auth.users where id = %s", ((await shop.task(task_id))["user_id"],)
    )
