"""Claims due jobs, as many as there are free slots, and runs each as a task."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import psycopg
import structlog
from pydantic import ValidationError

from worker.contract import Stage
from worker.database import DatabaseUnavailableError
from worker.file_jobs import run_file_job
from worker.jobs import LANE_OF, Job, Lane
from worker.leases import kept_lease
from worker.poll import poll, reconcile
from worker.submit import submit
from worker.transfer import transfer
from worker.webhooks import run_webhook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.clock import Alarm
    from worker.contract import Claim
    from worker.heartbeat import Heartbeat
    from worker.jobs import Lanes
    from worker.providers.base import Provider
    from worker.services import Services

    Step = Callable[[Job, Services, Provider], Awaitable[float | None]]

STEPS: Final[dict[Stage, Step]] = {
    Stage.SUBMIT: submit,
    Stage.RECONCILE: reconcile,
    Stage.POLL: poll,
    Stage.TRANSFER: transfer,
}

log = structlog.get_logger()


class ClaimLoop:
    """Runs until cancelled; woken by the alarm (a tick, a finished job, a known time) or by its own timer."""

    def __init__(self, *, services: Services, lanes: Lanes, heartbeat: Heartbeat, alarm: Alarm) -> None:
        self._services = services
        self._lanes = lanes
        self._heartbeat = heartbeat
        self._alarm = alarm

    async def run(self) -> None:
        while True:
            try:
                if self._heartbeat.is_healthy:
                    await self._claim_jobs()
                    await self._claim_file_jobs()
                    await self._claim_webhooks()
            except (DatabaseUnavailableError, psycopg.Error, ValidationError) as error:
                # Whatever was claimed and not understood comes back by its lease.
                log.warning("claim_failed", error=str(error).partition("\n")[0])
            await self._alarm.wait(self._services.pace.poll_interval)

    async def _claim_jobs(self) -> None:
        """Claims until an answer is shorter than what was asked for."""
        while True:
            free = {lane: self._lanes.free(lane) for lane in (Lane.SUBMIT, Lane.POLL, Lane.TRANSFER)}
            asked = sum(free.values())
            if asked == 0:
                return
            claimed_at = time.monotonic()
            claims = await self._services.database.claim_jobs(
                submit_slots=free[Lane.SUBMIT],
                poll_slots=free[Lane.POLL],
                transfer_slots=free[Lane.TRANSFER],
                providers=self._services.providers,
            )
            for claim in claims:
                self._start(claim, claimed_at)
            if len(claims) < min(asked, self._services.pace.batch):
                return

    async def _claim_file_jobs(self) -> None:
        while free := self._lanes.free(Lane.FILES):
            jobs = await self._services.database.claim_file_jobs(free)
            for job in jobs:
                self._lanes.start(Lane.FILES, run_file_job(job, self._services))
            if len(jobs) < free:
                return
            # The lane is full: the end of one of these rings no bell, so look again before long.
            self._alarm.ring_in(1.0)

    async def _claim_webhooks(self) -> None:
        sender = self._services.webhooks
        while sender is not None and (free := self._lanes.free(Lane.WEBHOOKS)):
            webhooks = await self._services.database.claim_webhooks(free)
            for webhook in webhooks:
                self._lanes.start(Lane.WEBHOOKS, run_webhook(webhook, sender, self._services))
            if len(webhooks) < free:
                return
            self._alarm.ring_in(1.0)

    def _start(self, claim: Claim, claimed_at: float) -> None:
        self._services.metrics.claims.labels(claim.stage.value).inc()
        job = Job(claim, self._services.pace.lease, claimed_at)
        provider = self._services.providers.get(claim.provider)
        if provider is None:
            # Not asked for; whoever answered with it will hand it out again when the lease has run out.
            job.log.error("provider_not_configured", provider=claim.provider)
            return
        self._lanes.start(LANE_OF[claim.stage], self._run(job, provider), job)

    async def _run(self, job: Job, provider: Provider) -> None:
        services = self._services
        due_in: float | None = None
        try:
            async with kept_lease(job, services.database.extend_lease, services.pace.lease, services.metrics):
                due_in = await STEPS[job.claim.stage](job, services, provider)
        except asyncio.CancelledError as cancelled:
            job.log.info("job_cancelled", reason=str(cancelled))
            return
        except (DatabaseUnavailableError, psycopg.Error) as error:
            job.log.warning("job_not_recorded", error=str(error).partition("\n")[0])
        except Exception:
            job.log.exception("job_crashed")
            services.metrics.crashes.inc()
        self._alarm.ring_in(due_in or 0.0)
