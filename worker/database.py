"""The verbs of ``worker_api`` as typed methods over a small pool of autocommit connections."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import psycopg
import structlog
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from pydantic import ValidationError

from worker import __version__, statements
from worker.contract import (
    Claim,
    DrainReply,
    FileJob,
    FileJobKind,
    HeartbeatReply,
    LeaseReply,
    PlatformReport,
    Reply,
    Row,
    SubmitReply,
    TransferReply,
    Webhook,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from worker.contract import FinishedVideo, PollVerdict, SubmitOutcome
    from worker.metrics import Metrics

T = TypeVar("T", bound=Row)

log = structlog.get_logger()

STATEMENT_SECONDS: Final = 15.0
POOL_WAIT_SECONDS: Final = 10.0

# How long a statement is sent again after a transient error, in seconds.
ONCE: Final = 0.0
VERDICT: Final = 120.0
UNTIL_ANSWERED: Final = float("inf")

# OperationalError covers lost connections, restarts, deadlocks and cancelled statements; InterfaceError is
# what psycopg says of a connection that died between check-out and use.
TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)


class DatabaseUnavailableError(Exception):
    """No answer within the time this verb is worth."""


class Database:
    """Every method is one statement; raises DatabaseUnavailableError, or psycopg.Error where no retry helps.

    Sending a verb again is always safe: verdicts are fenced by a lease token or an attempt number and answer
    ``already_applied`` the second time; a claim whose answer was lost comes back when its lease expires.
    """

    def __init__(self, url: str, *, worker_id: str, connections: int, metrics: Metrics) -> None:
        self._worker_id = worker_id
        self._metrics = metrics
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=30,
            max_idle=120,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                # No prepared statements: any pooler mode must do.
                "prepare_threshold": None,
                "connect_timeout": 10,
                "application_name": "reelbase-worker",
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
        )

    async def open(self) -> None:
        """Starts connecting; does not wait for the database."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5)

    async def contract_version(self) -> int:
        return int((await self._call(statements.CONTRACT_VERSION, {}, ONCE))[0])

    async def heartbeat(self, status: dict[str, Any]) -> HeartbeatReply:
        arguments = {"worker_id": self._worker_id, "version": __version__, "status": Jsonb(status)}
        return HeartbeatReply.model_validate(await self._one(statements.HEARTBEAT, arguments, ONCE))

    async def claim_jobs(
        self, *, submit_slots: int, poll_slots: int, transfer_slots: int, providers: Collection[str]
    ) -> list[Claim]:
        arguments = {
            "worker_id": self._worker_id,
            "submit_slots": submit_slots,
            "poll_slots": poll_slots,
            "transfer_slots": transfer_slots,
            "providers": list(providers),
        }
        return _valid(Claim, await self._call(statements.CLAIM_JOBS, arguments, ONCE))

    async def extend_lease(self, claim: Claim) -> LeaseReply:
        return LeaseReply.model_validate(await self._one(statements.EXTEND_LEASE, _lease(claim), ONCE))

    async def begin_submit(self, claim: Claim) -> SubmitReply:
        return SubmitReply.model_validate(await self._one(statements.BEGIN_SUBMIT, _lease(claim), VERDICT))

    async def record_operation(self, task_id: UUID, submit_attempt: int, operation_id: str) -> Reply:
        """Never gives up by itself: a paid clip hangs on it."""
        arguments = {"task_id": task_id, "submit_attempt": submit_attempt, "operation_id": operation_id}
        return Reply.model_validate(await self._one(statements.RECORD_OPERATION, arguments, UNTIL_ANSWERED))

    async def requeue_submit(
        self,
        task_id: UUID,
        submit_attempt: int,
        outcome: SubmitOutcome,
        detail: dict[str, Any],
        retry_after_seconds: float | None,
    ) -> Reply:
        arguments = {
            "task_id": task_id,
            "submit_attempt": submit_attempt,
            "outcome": outcome.value,
            "detail": Jsonb(detail),
            "retry_after_seconds": retry_after_seconds,
        }
        return Reply.model_validate(await self._one(statements.REQUEUE_SUBMIT, arguments, VERDICT))

    async def record_poll(self, claim: Claim, outcome: PollVerdict, detail: dict[str, Any]) -> Reply:
        arguments = _lease(claim) | {"outcome": outcome.value, "detail": Jsonb(detail)}
        return Reply.model_validate(await self._one(statements.RECORD_POLL, arguments, VERDICT))

    async def begin_transfer(self, claim: Claim) -> TransferReply:
        return TransferReply.model_validate(
            await self._one(statements.BEGIN_TRANSFER, _lease(claim), VERDICT)
        )

    async def complete_video(self, claim: Claim, video: FinishedVideo) -> Reply:
        arguments = _lease(claim) | {"video": Jsonb(video.model_dump(mode="json"))}
        return Reply.model_validate(await self._one(statements.COMPLETE_VIDEO, arguments, VERDICT))

    async def fail_video(self, claim: Claim, error_code: str, detail: dict[str, Any]) -> Reply:
        arguments = _lease(claim) | {"error_code": error_code, "detail": Jsonb(detail)}
        reply = Reply.model_validate(await self._one(statements.FAIL_VIDEO, arguments, VERDICT))
        self._metrics.failures.labels(error_code).inc()
        return reply

    async def postpone_job(self, claim: Claim, seconds: float) -> Reply:
        return Reply.model_validate(
            await self._one(statements.POSTPONE_JOB, _lease(claim) | {"seconds": seconds}, ONCE)
        )

    async def release_leases(self) -> DrainReply:
        arguments = {"worker_id": self._worker_id}
        return DrainReply.model_validate(await self._one(statements.RELEASE_LEASES, arguments, ONCE))

    async def claim_file_jobs(self, slots: int) -> list[FileJob]:
        # The kinds this worker knows: one that a later release brings waits for a worker that knows it.
        arguments = {"worker_id": self._worker_id, "slots": slots, "kinds": list(get_args(FileJobKind))}
        return _valid(FileJob, await self._call(statements.CLAIM_FILE_JOBS, arguments, ONCE))

    async def complete_file_job(self, job: FileJob) -> Reply:
        return Reply.model_validate(await self._one(statements.COMPLETE_FILE_JOB, _file(job), VERDICT))

    async def fail_file_job(self, job: FileJob, detail: dict[str, Any]) -> Reply:
        arguments = _file(job) | {"detail": Jsonb(detail)}
        return Reply.model_validate(await self._one(statements.FAIL_FILE_JOB, arguments, VERDICT))

    async def check(self) -> PlatformReport:
        """What ``worker check`` has to know about pg_cron, Vault and the models on sale."""
        return PlatformReport.model_validate(await self._one(statements.CHECK, {}, ONCE))

    async def claim_webhooks(self, slots: int) -> list[Webhook]:
        arguments = {"worker_id": self._worker_id, "slots": slots}
        return _valid(Webhook, await self._call(statements.CLAIM_WEBHOOKS, arguments, ONCE))

    async def complete_webhook(self, webhook: Webhook) -> Reply:
        return Reply.model_validate(await self._one(statements.COMPLETE_WEBHOOK, _webhook(webhook), VERDICT))

    async def fail_webhook(self, webhook: Webhook, detail: dict[str, Any]) -> Reply:
        arguments = _webhook(webhook) | {"detail": Jsonb(detail)}
        return Reply.model_validate(await self._one(statements.FAIL_WEBHOOK, arguments, VERDICT))

    async def probe(self, statement: str, arguments: dict[str, Any]) -> None:
        """Sends one statement once, for ``worker check``."""
        await self._call(statement, arguments, ONCE)

    async def _one(self, statement: str, arguments: dict[str, Any], patience: float) -> object:
        return (await self._call(statement, arguments, patience))[0]

    async def _call(self, statement: str, arguments: dict[str, Any], patience: float) -> list[Any]:
        """The first column of every row; sent again, with growing pauses, for ``patience`` seconds."""
        # Where nothing may be lost even an error that looks permanent (a grant missing in the middle of a
        # migration) is waited out.
        retried: tuple[type[Exception], ...] = TRANSIENT
        if patience == UNTIL_ANSWERED:
            retried = (*TRANSIENT, psycopg.Error)
        started = time.monotonic()
        pause = 0.2
        while True:
            try:
                return await self._execute(statement, arguments)
            except retried as error:
                if time.monotonic() - started + pause > patience:
                    raise DatabaseUnavailableError(_describe(error)) from error
                self._metrics.database_retries.inc()
                log.warning("database_retry", error=_describe(error), pause_seconds=round(pause, 2))
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311  jitter, not a secret
            pause = min(pause * 2, 10.0)

    async def _execute(self, statement: str, arguments: dict[str, Any]) -> list[Any]:
        async with self._pool.connection() as connection, asyncio.timeout(STATEMENT_SECONDS):
            cursor = await connection.execute(statement, arguments)
            return [row[0] for row in await cursor.fetchall()]


def _valid(shape: type[T], rows: list[Any]) -> list[T]:
    """The rows this worker understands; one that it does not must not hold up the others."""
    valid = []
    for row in rows:
        try:
            valid.append(shape.model_validate(row))
        except ValidationError as error:
            problems = [f"{item['loc']}: {item['msg']}" for item in error.errors(include_input=False)]
            log.warning("claim_not_understood", kind=shape.__name__, problems=problems)
    return valid


def _lease(claim: Claim) -> dict[str, Any]:
    return {"task_id": claim.task_id, "lease_token": claim.lease_token}


def _file(job: FileJob) -> dict[str, Any]:
    return {"file_job_id": job.file_job_id, "lease_token": job.lease_token}


def _webhook(webhook: Webhook) -> dict[str, Any]:
    return {"delivery_id": webhook.delivery_id, "lease_token": webhook.lease_token}


def _describe(error: Exception) -> str:
    """One line: psycopg's messages may quote the statement over several."""
    if isinstance(error, PoolTimeout):
        return "no connection to the database"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer in time'}"
