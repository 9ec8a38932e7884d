"""Time: the database's clock as this process knows it, and the alarm that wakes the claim loop."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.contract import HeartbeatReply

# Until the first heartbeat says otherwise; the database's own defaults.
DEFAULT_POLL_INTERVAL: Final = 10.0
DEFAULT_LEASE: Final = 60.0
DEFAULT_BATCH: Final = 50

LONGEST_ALARM: Final = 60.0
SETTLE: Final = 0.1


class Pace:
    """What the last good heartbeat said: intervals (seconds) and the offset to the database's clock.

    Whether a job is due is the database's decision, by its own clock; this only spares asking too early.
    """

    def __init__(self) -> None:
        self.poll_interval = DEFAULT_POLL_INTERVAL
        self.lease = DEFAULT_LEASE
        self.batch = DEFAULT_BATCH
        self._offset = timedelta()

    def learn(self, reply: HeartbeatReply) -> None:
        self.poll_interval = max(reply.settings.poll_interval_seconds, 0.5)
        self.lease = max(reply.settings.lease_seconds, 1.0)
        self.batch = max(reply.settings.batch_size, 1)
        self._offset = reply.now - datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """From now to a time of the database; negative once it has passed."""
        return (moment - datetime.now(UTC) - self._offset).total_seconds()


class Alarm:
    """Wakes the one waiter: at once, after known times, and at the latest after its own."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wakes the waiter now, or makes its next wait return at once."""
        self._rung.set()

    def ring_in(self, seconds: float) -> None:
        """Wakes the waiter in ``seconds``. Far times are left to the waiter's own limit."""
        if seconds <= LONGEST_ALARM:
            asyncio.get_running_loop().call_later(max(seconds, 0.0), self._rung.set)

    async def wait(self, at_most: float) -> None:
        """Returns when rung, or after ``at_most`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._rung.wait()
                # Many jobs end together; one claim serves them all.
                await asyncio.sleep(SETTLE)
        self._rung.clear()
