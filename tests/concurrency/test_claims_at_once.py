"""Many workers that claim at the same moment: each job goes to one of them, and nobody waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.concurrency.acts import BY_STAGE
from tests.support.sessions import open_session, open_sessions

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Shop
    from tests.support.sessions import Observer, Session

CLAIM = "select jsonb_agg(c) from worker_api.claim_jobs(%s, %s, 50, 50) as c"


async def test_twenty_workers_share_two_hundred_jobs(stack: Stack, shop: Shop, watch: Observer) -> None:
    await shop.configure("video_concurrent_limit", 1000)
    await shop.order(await shop.user(100_000), 200)
    async with open_session(stack) as gate, open_sessions(stack, 20, "video_worker") as workers:
        await gate.call("select pg_advisory_lock(42)")
        claims = [
            asyncio.create_task(_claim_until_empty(worker, f"worker-{number}"))
            for number, worker in enumerate(workers)
        ]
        await watch.until_blocked(*workers)
        await gate.call("select pg_advisory_unlock(42)")
        claimed = await asyncio.gather(*claims)

    owner_of = {task_id: f"worker-{number}" for number, tasks in enumerate(claimed) for task_id in tasks}
    assert sum(len(tasks) for tasks in claimed) == len(owner_of) == 200
    assert sum(bool(tasks) for tasks in claimed) > 1
    jobs = await shop.rows("select task_id::text, leased_by, lease_token from private.video_jobs")
    assert {job["task_id"]: job["leased_by"] for job in jobs} == owner_of
    assert len({job["lease_token"] for job in jobs}) == 200


async def _claim_until_empty(worker: Session, name: str) -> list[str]:
    await worker.call("select pg_advisory_lock_shared(42)")
    tasks: list[str] = []
    while batch := await worker.call(CLAIM, (name, 3)):
        tasks += [job["task_id"] for job in batch]
    return tasks


@pytest.mark.parametrize("stage", BY_STAGE)
async def test_whose_lease_runs_out_is_told_so_by_the_claim_that_is_under_way(
    stack: Stack, shop: Shop, watch: Observer, stage: str
) -> None:
    """Nor is anything of the new holder's overwritten: his own word counts afterwards."""
    async with open_session(stack, "video_worker") as late, open_session(stack, "video_worker") as holder:
        for act in BY_STAGE[stage]:
            user_id = await shop.user(1000)
            job = await shop.job(stage, user_id=user_id)
            await shop.database.execute("update private.video_jobs set due_at = now() - interval '1 minute'")
            await holder.begin()
            (claimed,) = await holder.call(CLAIM, ("worker-2", 1))
            verdict = late.start(act.about(job, user_id))
            await watch.until_blocked(late)
            assert await holder.commit() is None
            answer = await verdict
            assert answer["result"] == ("applied" if "{lease}" not in act.statement else "lease_lost"), (
                act.name
            )
            if act.name == "unknown" or answer["result"] == "lease_lost":
                extended = "select worker_api.extend_lease(%s, %s)"
                kept = await holder.call(extended, (claimed["task_id"], claimed["lease_token"]))
                assert kept["result"] == "applied", act.name
            await shop.clear()


async def test_file_jobs_go_to_one_worker_each(stack: Stack, shop: Shop, watch: Observer) -> None:
    await shop.database.execute(
        "insert into private.file_jobs (kind, path)"
        " select 'delete_google', n::text from generate_series(1, 100) n"
    )
    async with open_session(stack) as gate, open_sessions(stack, 10, "video_worker") as workers:
        await gate.call("select pg_advisory_lock(42)")
        waiting = [worker.start("select pg_advisory_lock_shared(42)") for worker in workers]
        await watch.until_blocked(*workers)
        await gate.call("select pg_advisory_unlock(42)")
        await asyncio.gather(*waiting)
        claim = "select jsonb_agg(c) from worker_api.claim_file_jobs('w', 10) as c"
        batches = await asyncio.gather(*(worker.ask(claim) for worker in workers))

    paths = [job["path"] for batch in batches for job in batch]
    assert sorted(paths) == sorted(str(number) for number in range(1, 101))


async def test_a_claim_waits_for_nobody(stack: Stack, shop: Shop) -> None:
    """It passes over what another claim, a cancel or an order holds, and never asks for the account."""
    await shop.configure("video_concurrent_limit", 10)
    user_id = await shop.user(1000)
    cancelled, claimed, free = [str(task_id) for task_id in await shop.order(user_id, 3)]
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "video_worker") as first,
        open_session(stack, "video_worker") as second,
    ):
        await caller.begin()
        assert (await caller.call("select public.cancel_video(%s)", (cancelled,)))["status"] == "cancelled"
        await first.begin()
        assert [job["task_id"] for job in await first.call(CLAIM, ("worker-1", 1))] == [claimed]

        await second.call("set lock_timeout = '1ms'")
        assert [job["task_id"] for job in await second.call(CLAIM, ("worker-2", 50))] == [free]
        assert await second.call(CLAIM, ("worker-2", 50)) is None

        await caller.rollback()
        await first.rollback()
        again = await second.call(CLAIM, ("worker-2", 50))
        assert {job["task_id"] for job in again} == {cancelled, claimed}
