"""Two who would end one task: one does, the other is told by name, and the credits move once.

Each pair is played in both orders: the first one's transaction is open when the second one runs into its
locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.concurrency.shop import PRICE, STORED_VIDEO, Job, Shop
from tests.support.sessions import Refusal, open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer, Session

COMPLETE = "select worker_api.complete_video(%s, %s, %s)"
FAIL = "select worker_api.fail_video(%s, %s, %s, '{}')"


async def one_after_the_other(
    watch: Observer,
    first: Session,
    first_call: tuple[str, Sequence[object]],
    second: Session,
    second_call: tuple[str, Sequence[object]],
) -> tuple[Any, Any]:
    """The answers of two statements, the second of which waits until the first one's transaction commits."""
    await first.begin()
    first_answer = await first.ask(*first_call)
    late = second.start(*second_call)
    await watch.until_blocked(second)
    assert await first.commit() is None
    return first_answer, await late


async def test_two_cancels_refund_once(stack: Stack, shop: Shop, watch: Observer) -> None:
    user_id = await shop.user(1000)
    (task_id,) = await shop.order(user_id)
    call = ("select public.cancel_video(%s)", (task_id,))
    async with open_session(stack, user=user_id) as first, open_session(stack, user=user_id) as second:
        answers = await one_after_the_other(watch, first, call, second, call)

    assert [answer["status"] for answer in answers] == ["cancelled", "cancelled"]
    assert [answer["refunded_credits"] for answer in answers] == [PRICE, PRICE]
    assert await shop.refunds(task_id) == 1
    assert await shop.balance(user_id) == 1000


async def test_a_cancel_before_the_submit_keeps_the_provider_out(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(1000)
    job = await shop.job("submit", user_id=user_id)
    async with open_session(stack, user=user_id) as caller, open_session(stack, "video_worker") as worker:
        cancelled, begun = await one_after_the_other(
            watch,
            caller,
            ("select public.cancel_video(%s)", (job.task_id,)),
            worker,
            ("select worker_api.begin_submit(%s, %s)", (job.task_id, job.lease)),
        )

    assert cancelled["status"] == "cancelled"
    assert begun == {"result": "illegal_state", "status": "cancelled"}
    assert await shop.rows("select * from private.provider_calls where task_id = %s", (job.task_id,)) == []
    assert await shop.balance(user_id) == 1000


async def test_a_cancel_after_the_submit_is_refused(stack: Stack, shop: Shop, watch: Observer) -> None:
    user_id = await shop.user(1000)
    job = await shop.job("submit", user_id=user_id)
    async with open_session(stack, user=user_id) as caller, open_session(stack, "video_worker") as worker:
        begun, cancelled = await one_after_the_other(
            watch,
            worker,
            ("select worker_api.begin_submit(%s, %s)", (job.task_id, job.lease)),
            caller,
            ("select public.cancel_video(%s)", (job.task_id,)),
        )

    assert begun["submit"] is True
    assert cancelled == Refusal("illegal_state", details={"status": "pending", "stage": "submitting"})
    assert await shop.balance(user_id) == 1000 - PRICE


@pytest.mark.parametrize("is_same_lease", [True, False], ids=["repeated", "by another worker"])
async def test_two_failures_refund_once(
    stack: Stack, shop: Shop, watch: Observer, *, is_same_lease: bool
) -> None:
    stale = await shop.job("poll")
    holder = stale if is_same_lease else await shop.claim(stale.task_id)
    async with open_session(stack, "video_worker") as first, open_session(stack, "video_worker") as second:
        applied, late = await one_after_the_other(
            watch,
            first,
            (FAIL, (holder.task_id, holder.lease, "safety_filter")),
            second,
            (FAIL, (stale.task_id, stale.lease, "provider_error")),
        )

    assert applied == {"result": "applied", "status": "failed", "retry_at": None}
    expected = "already_applied" if is_same_lease else "illegal_state"
    assert late == {"result": expected, "status": "failed"}
    assert await shop.refunds(stale.task_id) == 1
    assert (await shop.task(stale.task_id))["error_code"] == "safety_filter"


async def test_a_stale_verdict_that_comes_first_leaves_the_task_to_its_holder(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    stale = await shop.job("transfer")
    holder = await shop.claim(stale.task_id)
    async with open_session(stack, "video_worker") as first, open_session(stack, "video_worker") as second:
        refused, completed = await one_after_the_other(
            watch,
            first,
            (FAIL, (stale.task_id, stale.lease, "video_expired")),
            second,
            (COMPLETE, (holder.task_id, holder.lease, STORED_VIDEO)),
        )

    assert refused == {"result": "lease_lost", "status": "downloading", "stage": "transfer"}
    assert completed == {"result": "applied", "status": "completed"}
    assert await shop.refunds(stale.task_id) == 0


async def test_whoever_is_first_of_complete_and_fail_decides(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    for first_is_complete in (True, False):
        job = await shop.job("transfer")
        complete = (COMPLETE, (job.task_id, job.lease, STORED_VIDEO))
        fail = (FAIL, (job.task_id, job.lease, "video_expired"))
        calls = (complete, fail) if first_is_complete else (fail, complete)
        async with (
            open_session(stack, "video_worker") as first,
            open_session(stack, "video_worker") as second,
        ):
            applied, late = await one_after_the_other(watch, first, calls[0], second, calls[1])

        status = "completed" if first_is_complete else "failed"
        assert (applied["result"], applied["status"]) == ("applied", status)
        assert late == {"result": "already_applied", "status": status}
        assert (await shop.task(job.task_id))["status"] == status
        assert await shop.refunds(job.task_id) == int(not first_is_complete)


@pytest.mark.parametrize("kind", ["hard", "soft"])
async def test_whoever_is_first_of_complete_and_deletion_decides(
    stack: Stack, shop: Shop, watch: Observer, kind: str
) -> None:
    delete = {
        "hard": "delete from auth.users where id = %s",
        "soft": "update auth.users set deleted_at = now() where id = %s",
    }[kind]
    for first_is_complete in (True, False):
        user_id = await shop.user(1000)
        job = await shop.job("transfer", user_id=user_id)
        complete = (COMPLETE, (job.task_id, job.lease, STORED_VIDEO))
        deletion = (delete, (user_id,))
        async with (
            open_session(stack, "video_worker") as worker,
            open_session(stack, "supabase_auth_admin") as auth,
        ):
            if first_is_complete:
                completed, deleted = await one_after_the_other(watch, worker, complete, auth, deletion)
            else:
                deleted, completed = await one_after_the_other(watch, auth, deletion, worker, complete)

        assert deleted is None
        task = await shop.task(job.task_id)
        assert (task["user_id"], task["prompt"], task["permanent_video_url"]) == (None, None, None)
        if first_is_complete:
            assert completed == {"result": "applied", "status": "completed"}
            assert (task["status"], await shop.refunds(job.task_id)) == ("completed", 0)
        else:
            assert completed == {"result": "illegal_state", "status": "failed"}
            assert (task["error_code"], await shop.refunds(job.task_id)) == ("user_deleted", 1)


async def test_whoever_is_first_of_complete_and_sweep_decides(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    for first_is_complete in (True, False):
        job = await expired(shop, await shop.job("transfer"))
        complete = (COMPLETE, (job.task_id, job.lease, STORED_VIDEO))
        sweep: tuple[str, Sequence[object]] = ("select private.sweep()", ())
        async with (
            open_session(stack, "video_worker") as worker,
            open_session(stack) as cron,
        ):
            if first_is_complete:
                completed, swept = await one_after_the_other(watch, worker, complete, cron, sweep)
            else:
                swept, completed = await one_after_the_other(watch, cron, sweep, worker, complete)

        assert swept == int(not first_is_complete)
        task = await shop.task(job.task_id)
        if first_is_complete:
            assert completed == {"result": "applied", "status": "completed"}
            assert (task["status"], await shop.refunds(job.task_id)) == ("completed", 0)
        else:
            assert completed == {"result": "illegal_state", "status": "failed"}
            assert (task["error_code"], await shop.refunds(job.task_id)) == ("video_expired", 1)


async def test_a_claim_saves_a_job_from_the_sweep_that_was_about_to_end_it(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    """The sweep chose the task, then waited for its account; meanwhile a worker took the job."""
    user_id = await shop.user(1000)
    job = await expired(shop, await shop.job("poll", user_id=user_id))
    async with open_session(stack) as gate, open_session(stack) as cron:
        await gate.begin()
        await gate.call("select from public.credit_accounts where user_id = %s for update", (user_id,))
        sweep = cron.start("select private.sweep()")
        await watch.until_blocked(cron)
        claimed = await shop.claim(job.task_id)
        await gate.commit()
        assert await sweep == 0

    running = "record_poll(%s, %s, 'succeeded', '{\"google_video_url\": \"gs://clips/1.mp4\"}')"
    assert (await shop.verb(running, claimed.task_id, claimed.lease))["status"] == "downloading"


async def test_a_claim_that_is_under_way_saves_its_job_too(stack: Stack, shop: Shop, watch: Observer) -> None:
    job = await expired(shop, await shop.job("poll"))
    async with open_session(stack, "video_worker") as worker, open_session(stack) as cron:
        await worker.begin()
        claimed = await worker.call("select worker_api.claim_jobs('worker-2', 0, 1, 0)")
        assert claimed["task_id"] == str(job.task_id)
        sweep = cron.start("select private.sweep()")
        await watch.until_blocked(cron)
        assert await worker.commit() is None
        assert await sweep == 0
    assert (await shop.task(job.task_id))["status"] == "processing"


async def test_two_sweeps_of_many_tasks_end_each_once(stack: Stack, shop: Shop, watch: Observer) -> None:
    jobs = [await expired(shop, await shop.job("poll")) for _ in range(6)]
    sweep: tuple[str, Sequence[object]] = ("select private.sweep(100)", ())
    async with open_session(stack) as first, open_session(stack) as second:
        answers = await one_after_the_other(watch, first, sweep, second, sweep)

    assert answers == (6, 0)
    assert [await shop.refunds(job.task_id) for job in jobs] == [1] * 6


async def expired(shop: Shop, job: Job) -> Job:
    """The job past its deadline, and its lease run out."""
    await shop.database.execute(
        "update private.video_jobs"
        " set deadline_at = now() - interval '1 hour', due_at = now() - interval '1 minute'"
        " where task_id = %s",
        (job.task_id,),
    )
    return job
