"""Puts the worker together, runs it until a signal, and takes it down in order."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from worker import __version__
from worker.clock import Alarm, Pace
from worker.contract import SUPPORTED_CONTRACT_VERSION
from worker.database import Database, DatabaseUnavailableError
from worker.heartbeat import Heartbeat
from worker.http import HttpServer, create_app
from worker.jobs import Lane, Lanes
from worker.loop import ClaimLoop
from worker.metrics import Metrics
from worker.moderation import Moderator
from worker.providers.registry import build_providers
from worker.services import Services
from worker.storage import SupabaseStorage
from worker.webhooks import WebhookSender

if TYPE_CHECKING:
    from worker.settings import Settings

IMAGES_AT_ONCE: Final = 2
READY_SECONDS: Final = 3.0

log = structlog.get_logger()


class UnsupportedContractError(Exception):
    """The database speaks another version of ``worker_api`` than this worker."""


class Worker:
    """One process. ``run`` ends after ``stop`` (a signal), drained, or with the exception that broke it."""

    def __init__(self, settings: Settings) -> None:
        # New with every start: a reused name would let a restarted worker pass for its dead predecessor.
        self._id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings = settings
        self._metrics = Metrics()
        self._alarm = Alarm()
        self._stopping = asyncio.Event()
        self._contract_checked = False
        pace = Pace()
        self._lanes = Lanes(
            {
                Lane.SUBMIT: settings.worker_submit_slots,
                Lane.POLL: settings.worker_poll_slots,
                Lane.TRANSFER: settings.worker_transfer_slots,
                Lane.FILES: settings.worker_file_slots,
                Lane.WEBHOOKS: settings.worker_webhook_slots,
            },
            self._metrics,
        )
        self._database = Database(
            settings.database_url.get_secret_value(),
            worker_id=self._id,
            connections=settings.worker_database_connections,
            metrics=self._metrics,
        )
        self._services = Services(
            settings=settings,
            database=self._database,
            storage=SupabaseStorage(settings.supabase_url, settings.supabase_secret_key.get_secret_value()),
            providers=build_providers(settings),
            metrics=self._metrics,
            pace=pace,
            images=asyncio.Semaphore(IMAGES_AT_ONCE),
            moderator=Moderator.of(settings, self._metrics),
            webhooks=WebhookSender(settings.webhook_secret) if settings.webhook_secret else None,
        )
        self._heartbeat = Heartbeat(
            database=self._database,
            pace=pace,
            lanes=self._lanes,
            alarm=self._alarm,
            metrics=self._metrics,
            providers=self._services.providers,
        )
        self._loop = ClaimLoop(
            services=self._services, lanes=self._lanes, heartbeat=self._heartbeat, alarm=self._alarm
        )

    def stop(self) -> None:
        """Asks ``run`` to drain and end; asked twice, the process ends at once."""
        if self._stopping.is_set():
            # Not sys.exit: threads in the middle of a file cannot be cancelled, and this means now.
            os._exit(1)
        self._stopping.set()

    async def run(self) -> None:
        """Raises CannotListenError, UnsupportedContractError, or what broke a service that must not end."""
        server = HttpServer(
            create_app(
                token=self._settings.worker_token.get_secret_value(),
                alarm=self._alarm,
                metrics=self._metrics,
                problems=self._problems,
            ),
            self._settings.worker_host,
            self._settings.worker_port,
        )
        server.start()
        log.info(
            "started", worker_id=self._id, version=__version__, providers=sorted(self._services.providers)
        )
        try:
            await self._database.open()
            await self._work()
        finally:
            await server.stop()
            await self._close()
        log.info("stopped", worker_id=self._id)

    async def _work(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        working = asyncio.create_task(self._claim_and_beat())
        try:
            await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            stopping.cancel()
            await self._drain(working)

    async def _claim_and_beat(self) -> None:
        """Both for ever; if one breaks, the other is cancelled and the process ends, to be started anew."""
        await self._check_contract()
        await self._heartbeat.beat()
        async with asyncio.TaskGroup() as services:
            services.create_task(self._heartbeat.run())
            services.create_task(self._loop.run())

    async def _check_contract(self) -> None:
        """Waits for the database as long as it takes; refuses one that speaks another version."""
        pause = 1.0
        while True:
            try:
                version = await self._database.contract_version()
                break
            except (DatabaseUnavailableError, psycopg.Error) as error:
                log.warning("database_not_ready", error=str(error).partition("\n")[0], pause_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)
        if version != SUPPORTED_CONTRACT_VERSION:
            raise UnsupportedContractError(
                f"the database speaks worker_api {version}, this worker {SUPPORTED_CONTRACT_VERSION}"
            )
        self._contract_checked = True

    async def _drain(self, working: asyncio.Task[None]) -> None:
        """No more claims; paid calls in flight are recorded; the rest is given back."""
        self._heartbeat.is_draining = True
        log.info("draining", in_flight={lane.value: self._lanes.count(lane) for lane in Lane})
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        if not self._contract_checked:
            return
        # A paid call may take minutes: until it is recorded this worker is alive, and says so.
        beating = asyncio.create_task(self._heartbeat.run())
        await self._lanes.drain(self._settings.worker_drain_seconds)
        beating.cancel()
        try:
            reply = await self._database.release_leases()
            log.info("leases_released", released=reply.released)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            log.warning("leases_not_released", error=str(error).partition("\n")[0])

    async def _close(self) -> None:
        for provider in self._services.providers.values():
            await provider.close()
        if self._services.moderator is not None:
            await self._services.moderator.close()
        await self._services.storage.close()
        if self._services.webhooks is not None:
            await self._services.webhooks.close()
        await self._database.close()

    async def _problems(self) -> list[str]:
        problems = []
        if self._heartbeat.is_draining:
            problems.append("draining")
        if not self._contract_checked:
            problems.append("the database's contract is not checked yet")
        elif not self._heartbeat.is_healthy:
            problems.append("no good heartbeat for longer than a lease")
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._database.contract_version()
        except (DatabaseUnavailableError, psycopg.Error, TimeoutError):
            problems.append("the database does not answer")
        return problems


async def run_worker(settings: Settings) -> None:
    """Runs one worker under the signals SIGTERM and SIGINT: the first drains, the second ends at once."""
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()
