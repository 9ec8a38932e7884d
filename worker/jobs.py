"""A claimed job while it runs, and the lanes that bound how many do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from worker.contract import Stage

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import Any

    from worker.contract import Claim
    from worker.metrics import Metrics


class Lane(StrEnum):
    """Work of one weight: a paid call, a question, a file, an errand, a message."""

    SUBMIT = "submit"
    POLL = "poll"
    TRANSFER = "transfer"
    FILES = "files"
    WEBHOOKS = "webhooks"


LANE_OF: Final = {
    Stage.SUBMIT: Lane.SUBMIT,
    Stage.RECONCILE: Lane.POLL,
    Stage.POLL: Lane.POLL,
    Stage.TRANSFER: Lane.TRANSFER,
}


class Job:
    """One claim in the hands of this process. Times are of the monotonic clock."""

    def __init__(self, claim: Claim, lease_seconds: float, claimed_at: float) -> None:
        self.claim = claim
        self.lease_until = claimed_at + lease_seconds
        self.log = structlog.get_logger().bind(
            task_id=str(claim.task_id), stage=claim.stage.value, attempt=claim.submit_attempt
        )
        self._protected = False
        self._stopped: str | None = None
        self._task: asyncio.Task[Any] | None = None

    def belongs_to(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    @property
    def is_protected(self) -> bool:
        return self._protected

    @property
    def lease_left(self) -> float:
        return self.lease_until - time.monotonic()

    @contextlib.contextmanager
    def protected(self) -> Iterator[None]:
        """Between a commit point and its record nothing may cancel the job: not a lost lease, not a shutdown.

        Raises CancelledError on entry if the job was stopped before.
        """
        if self._stopped is not None:
            raise asyncio.CancelledError(self._stopped)
        self._protected = True
        try:
            yield
        finally:
            self._protected = False

    def stop(self, reason: str, *, force: bool = False) -> None:
        """Cancels the job; one that is protected first finishes what it records, and Postgres fences it."""
        self._stopped = self._stopped or reason
        if self._task is not None and (force or not self._protected):
            self._task.cancel(reason)


class Lanes:
    """Every running job, counted by lane against its slots."""

    def __init__(self, slots: dict[Lane, int], metrics: Metrics) -> None:
        self._slots = slots
        self._metrics = metrics
        self._running: dict[Lane, dict[asyncio.Task[None], Job | None]] = {lane: {} for lane in Lane}
        for lane in Lane:
            metrics.in_flight.labels(lane.value).set(0)

    def free(self, lane: Lane) -> int:
        return self._slots[lane] - len(self._running[lane])

    def count(self, lane: Lane) -> int:
        return len(self._running[lane])

    def start(self, lane: Lane, work: Coroutine[Any, Any, None], job: Job | None = None) -> None:
        """Runs ``work`` as a task that holds one slot of the lane until it ends."""
        task = asyncio.create_task(work)
        if job is not None:
            job.belongs_to(task)
        self._running[lane][task] = job
        self._metrics.in_flight.labels(lane.value).set(self.count(lane))
        task.add_done_callback(lambda ended: self._end(lane, ended))

    async def drain(self, seconds: float) -> None:
        """Cancels what may be cancelled, waits for what may not, and cancels that too after ``seconds``."""
        self._stop(force=False)
        if self._tasks():
            await asyncio.wait(self._tasks(), timeout=seconds)
        self._stop(force=True)
        if self._tasks():
            await asyncio.wait(self._tasks(), timeout=10)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for lane in self._running.values() for task in lane]

    def _stop(self, *, force: bool) -> None:
        for lane in self._running.values():
            for task, job in list(lane.items()):
                if job is None:
                    task.cancel("shutdown")
                else:
                    job.stop("shutdown", force=force)

    def _end(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._running[lane].pop(task, None)
        self._metrics.in_flight.labels(lane.value).set(self.count(lane))
