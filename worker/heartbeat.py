"""Tells the database that this worker lives, and learns from it how fast to go."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog
from pydantic import ValidationError

from worker.database import DatabaseUnavailableError
from worker.jobs import Lane

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.clock import Alarm, Pace
    from worker.database import Database
    from worker.jobs import Lanes
    from worker.metrics import Metrics

INTERVAL_SECONDS: Final = 10.0

log = structlog.get_logger()


class Heartbeat:
    """Healthy while the last good beat is younger than a lease.

    A worker that cannot beat cannot extend leases either: what it claimed would be taken for abandoned while
    it still ran. So an unhealthy heartbeat stops claiming.
    """

    def __init__(
        self,
        *,
        database: Database,
        pace: Pace,
        lanes: Lanes,
        alarm: Alarm,
        metrics: Metrics,
        providers: Collection[str],
    ) -> None:
        self._database = database
        self._pace = pace
        self._lanes = lanes
        self._providers = providers
        self._alarm = alarm
        self._last_good = -math.inf
        self.is_draining = False
        metrics.heartbeat_age.set_function(lambda: self.age)

    @property
    def age(self) -> float:
        """Seconds since the last good beat; infinite before the first."""
        return time.monotonic() - self._last_good

    @property
    def is_healthy(self) -> bool:
        return self.age < self._pace.lease

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(min(INTERVAL_SECONDS, self._pace.lease / 3))

    async def beat(self) -> None:
        """One beat; a failure is logged and shows as age."""
        was_healthy = self.is_healthy
        try:
            reply = await self._database.heartbeat(self._status())
        except (DatabaseUnavailableError, psycopg.Error, ValidationError) as error:
            log.warning("heartbeat_failed", error=str(error), healthy=self.is_healthy)
            return
        self._last_good = time.monotonic()
        self._pace.learn(reply)
        if not was_healthy:
            log.info("heartbeat_healthy")
            self._alarm.ring()
        if reply.settings.next_due_in_seconds is not None:
            self._alarm.ring_in(reply.settings.next_due_in_seconds)

    def _status(self) -> dict[str, Any]:
        return {
            "draining": self.is_draining,
            "providers": sorted(self._providers),
            "in_flight": {lane.value: self._lanes.count(lane) for lane in Lane},
        }
