"""Keeps the lease of one running job for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import psycopg

from worker.database import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from worker.contract import Claim, LeaseReply
    from worker.jobs import Job
    from worker.metrics import Metrics

    Extend = Callable[[Claim], Awaitable[LeaseReply]]


@contextlib.asynccontextmanager
async def kept_lease(job: Job, extend: Extend, lease_seconds: float, metrics: Metrics) -> AsyncIterator[None]:
    """Extends the job's lease every third of it; stops the job once the lease is lost.

    A lease that could not be confirmed for its whole length counts as lost: somebody else may hold it by now.
    """
    keeper = asyncio.create_task(_keep(job, extend, lease_seconds, metrics))
    try:
        yield
    finally:
        keeper.cancel()


async def _keep(job: Job, extend: Extend, lease_seconds: float, metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(lease_seconds / 3)
        asked_at = time.monotonic()
        try:
            reply = await extend(job.claim)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            job.log.warning("lease_not_extended", error=str(error), seconds_left=round(job.lease_left, 1))
            if job.lease_left > 0:
                continue
        else:
            if reply.result.is_done:
                job.lease_until = asked_at + lease_seconds
                continue
        metrics.lease_losses.inc()
        job.log.warning("lease_lost")
        job.stop("lease lost")
        return
