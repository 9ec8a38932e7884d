"""What pg_cron runs, run as it is: a block that commits cannot be tried inside a test's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.sessions import open_session

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Shop

COMMAND = "select command from cron.job where jobname = %s"


async def test_the_sweep_ends_each_task_in_a_transaction_of_its_own(stack: Stack, shop: Shop) -> None:
    jobs = [await shop.job("poll") for _ in range(5)]
    await shop.database.execute(
        "update private.video_jobs set deadline_at = '-infinity', due_at = '-infinity'"
    )
    async with open_session(stack) as cron:
        await cron.call(await shop.one(COMMAND, ("video-sweep",)))

    ended = await shop.rows(
        "select status, xmin from public.video_generation_history where id = any(%s)",
        ([job.task_id for job in jobs],),
    )
    assert [task["status"] for task in ended] == ["failed"] * 5
    assert len({task["xmin"] for task in ended}) == 5
    assert await shop.one("select count(*) from private.video_jobs") == 0


async def test_the_nightly_jobs_run(stack: Stack, shop: Shop) -> None:
    async with open_session(stack) as cron:
        assert await cron.call(await shop.one(COMMAND, ("video-audit",))) == 0
        await cron.call(await shop.one(COMMAND, ("video-cleanup",)))


async def test_the_tick_commits_and_ends_with_its_minute(stack: Stack, shop: Shop) -> None:
    """Where pg_cron knows seconds it is one call; else a block whose pauses are taken out here."""
    command: str = await shop.one(COMMAND, ("video-tick",))
    await shop.order(await shop.user(1000))
    pokes = "select count(*) from net.http_request_queue"
    before = await shop.one(pokes)
    ticks = 6 if "pg_sleep" in command else 1
    async with open_session(stack) as cron:
        await cron.call(command.replace("pg_sleep(greatest(0,", "pg_sleep(least(0,"))

    assert await shop.one(pokes) == before + ticks
    assert await shop.one("select beat_at > now() - interval '1 minute' from private.worker_heartbeats")
