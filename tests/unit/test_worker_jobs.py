from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from worker.clock import Alarm
from worker.contract import Claim, LeaseReply, Output, Result, Stage, VideoRequest
from worker.database import DatabaseUnavailableError
from worker.jobs import Job, Lane, Lanes
from worker.leases import kept_lease
from worker.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LEASE = 0.6
"""Seconds; short, because these tests wait for real leases to run out."""


def make_job(lease_seconds: float = LEASE) -> Job:
    claim = Claim(
        task_id=uuid4(),
        stage=Stage.TRANSFER,
        lease_token=uuid4(),
        lease_expires_at=datetime.now(UTC),
        provider="vertex",
        model="veo-3.1",
        provider_model="veo-3.1-generate-001",
        submit_attempt=1,
        download_attempt=0,
        request=VideoRequest(prompt="a cat", duration=4, resolution="720p", aspect_ratio="16:9"),
        output=Output(bucket="videos", video_path="u/t.mp4", thumbnail_path="u/t.jpg"),
    )
    return Job(claim, lease_seconds, asyncio.get_running_loop().time())


def always(result: Result) -> Callable[[Claim], Awaitable[LeaseReply]]:
    async def extend(_claim: Claim) -> LeaseReply:
        return LeaseReply(result=result)

    return extend


async def unreachable(_claim: Claim) -> LeaseReply:
    raise DatabaseUnavailableError("no answer")


async def run_under_lease(
    extend: Callable[[Claim], Awaitable[LeaseReply]], seconds: float, *, protected: bool = False
) -> tuple[bool, Metrics]:
    """Whether work of some length reached its end under a lease that is extended like this."""
    job, metrics = make_job(), Metrics()
    finished = False

    async def work() -> None:
        nonlocal finished
        async with kept_lease(job, extend, LEASE, metrics):
            if protected:
                with job.protected():
                    await asyncio.sleep(seconds)
            else:
                await asyncio.sleep(seconds)
        finished = True

    task = asyncio.create_task(work())
    job.belongs_to(task)
    await asyncio.wait({task})
    return finished, metrics


def losses(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("worker_lease_losses_total") or 0.0


async def test_a_kept_lease_outlives_its_own_length() -> None:
    finished, metrics = await run_under_lease(always(Result.APPLIED), LEASE * 3)
    assert finished
    assert losses(metrics) == 0


async def test_a_lost_lease_cancels_the_job() -> None:
    finished, metrics = await run_under_lease(always(Result.LEASE_LOST), LEASE * 20)
    assert not finished
    assert losses(metrics) == 1


async def test_a_task_that_was_settled_meanwhile_cancels_the_job() -> None:
    finished, _ = await run_under_lease(always(Result.ILLEGAL_STATE), LEASE * 20)
    assert not finished


async def test_a_silent_database_costs_the_lease_only_after_its_whole_length() -> None:
    finished, _ = await run_under_lease(unreachable, LEASE * 0.7)
    assert finished
    finished, metrics = await run_under_lease(unreachable, LEASE * 20)
    assert not finished
    assert losses(metrics) == 1


async def test_a_lost_lease_does_not_cut_off_a_protected_job() -> None:
    finished, metrics = await run_under_lease(always(Result.LEASE_LOST), LEASE * 2, protected=True)
    assert finished
    assert losses(metrics) == 1


async def test_a_stopped_job_cannot_pass_its_commit_point() -> None:
    job = make_job()
    job.stop("lease lost")
    with pytest.raises(asyncio.CancelledError), job.protected():
        pytest.fail("entered")


async def test_a_lane_counts_its_running_jobs() -> None:
    lanes, release = make_lanes(), asyncio.Event()

    async def work() -> None:
        await release.wait()

    lanes.start(Lane.TRANSFER, work())
    lanes.start(Lane.TRANSFER, work())
    assert (lanes.free(Lane.TRANSFER), lanes.free(Lane.SUBMIT)) == (0, 2)
    release.set()
    await lanes.drain(seconds=5)
    assert lanes.free(Lane.TRANSFER) == 2


async def test_a_drain_cancels_the_rest_and_waits_for_what_is_protected() -> None:
    lanes, ended = make_lanes(), []

    async def work(job: Job, name: str, *, protected: bool) -> None:
        try:
            if protected:
                with job.protected():
                    await asyncio.sleep(0.05)
            else:
                await asyncio.sleep(60)
            ended.append(f"{name} finished")
        except asyncio.CancelledError:
            ended.append(f"{name} cancelled")
            raise

    for name, protected in (("paid", True), ("idle", False)):
        job = make_job()
        lanes.start(Lane.SUBMIT, work(job, name, protected=protected), job)
    await asyncio.sleep(0)
    await lanes.drain(seconds=5)
    assert ended == ["idle cancelled", "paid finished"]


async def test_a_drain_has_an_end_for_protected_jobs_too() -> None:
    lanes, ended = make_lanes(), []

    async def work(job: Job) -> None:
        with job.protected():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cut off")
                raise

    job = make_job()
    lanes.start(Lane.SUBMIT, work(job), job)
    await asyncio.sleep(0)
    await lanes.drain(seconds=0.02)
    assert ended == ["cut off"]


async def test_a_ring_that_comes_before_the_wait_is_not_lost() -> None:
    alarm = Alarm()
    alarm.ring()
    await asyncio.wait_for(alarm.wait(at_most=60), timeout=5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(alarm.wait(at_most=60), timeout=0.02)


async def test_the_alarm_wakes_at_a_known_time_or_at_the_latest_after_its_own() -> None:
    alarm = Alarm()
    alarm.ring_in(0.01)
    await asyncio.wait_for(alarm.wait(at_most=60), timeout=5)
    await asyncio.wait_for(alarm.wait(at_most=0.01), timeout=5)


def make_lanes() -> Lanes:
    return Lanes(dict.fromkeys(Lane, 2), Metrics())
