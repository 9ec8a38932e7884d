"""The part of ``worker check`` that asks Postgres: login, verbs, pg_cron, Vault, models on sale."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from worker import mends, statements
from worker.contract import SUPPORTED_CONTRACT_VERSION
from worker.database import Database, DatabaseUnavailableError
from worker.metrics import Metrics
from worker.providers.base import Check

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.contract import CronReport, ModelOnSale, PlatformReport, VaultReport
    from worker.settings import Settings

ROLE: Final = "video_worker"
# A tick comes every 10 seconds.
OLDEST_TICK_SECONDS: Final = 60


async def check_database(
    settings: Settings, providers: Collection[str]
) -> tuple[list[Check], PlatformReport | None]:
    """The checks, and what the database said about the rest; None where it said nothing."""
    url = settings.database_url.get_secret_value()
    try:
        # Not through the pool, which would only say that it has no connection.
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=10)
        await connection.close()
    except psycopg.Error as error:
        mend = f"correct DATABASE_URL, or set the password anew: {mends.SET_PASSWORD}"
        return [Check("Database", False, _first_line(error), mend)], None
    database = Database(url, worker_id="check", connections=1, metrics=Metrics())
    await database.open()
    try:
        return await _check_contract(settings, database, providers)
    finally:
        await database.close()


async def _check_contract(
    settings: Settings, database: Database, providers: Collection[str]
) -> tuple[list[Check], PlatformReport | None]:
    try:
        version = await database.contract_version()
    except (DatabaseUnavailableError, psycopg.Error) as error:
        mend = f"log in as {ROLE} in DATABASE_URL; if there is no such schema: {mends.PUSH}"
        return [Check("Contract", False, _first_line(error), mend)], None
    checks = [
        Check("Database", True, "answers"),
        Check(
            "Contract",
            version == SUPPORTED_CONTRACT_VERSION,
            f"the database speaks version {version}, this worker {SUPPORTED_CONTRACT_VERSION}",
            f"deploy the worker of these migrations, or the migrations of this worker: {mends.PUSH}",
        ),
        *await _check_verbs(database),
    ]
    try:
        report = await database.check()
    except (DatabaseUnavailableError, psycopg.Error, ValidationError) as error:
        return [*checks, Check("Platform", False, _first_line(error), _mend_verb("check", error))], None
    token = settings.worker_token.get_secret_value()
    return [
        *checks,
        _check_role(report.role),
        _check_cron(report.cron),
        *_check_vault(report.vault, token),
        *_check_models(report.models, providers),
    ], report


def _check_role(role: str) -> Check:
    seen = f"logged in as {role}"
    if role == ROLE:
        return Check("Role", True, seen)
    mend = f"log in as {ROLE}, which may call the verbs and nothing else: {mends.SET_PASSWORD}"
    return Check("Role", False, seen, mend)


def _check_cron(cron: CronReport) -> Check:
    if not cron.is_scheduled:
        return Check("Cron", False, "video-tick is not scheduled, or not active", mends.SCHEDULE)
    if cron.beat_age_seconds is None:
        return Check("Cron", False, "video-tick is scheduled and has never run", mends.SHOW_RUNS)
    seen = f"video-tick last ran {cron.beat_age_seconds:.0f} s ago"
    return Check("Cron", cron.beat_age_seconds <= OLDEST_TICK_SECONDS, seen, mends.SHOW_RUNS)


def _check_vault(vault: VaultReport, token: str) -> list[Check]:
    if not vault.has_worker_url:
        seen = "no worker_url: the database wakes nobody, and workers look by themselves"
        return [Check("Vault", None, seen, mends.CREATE_URL)]
    if not vault.has_worker_token:
        return [Check("Vault", False, "worker_url without worker_token: no poke is sent", mends.CREATE_TOKEN)]
    mine = hashlib.sha256(token.encode()).hexdigest()
    if vault.worker_token_fingerprint is None or not mine.startswith(vault.worker_token_fingerprint):
        seen = "worker_token is another than this worker's WORKER_TOKEN: every poke is refused with 401"
        return [Check("Vault", False, seen, mends.UPDATE_TOKEN)]
    return [Check("Vault", True, "worker_url is set, worker_token is this worker's")]


def _check_models(models: list[ModelOnSale], providers: Collection[str]) -> list[Check]:
    """What is on sale and by whom it is made."""
    checks = []
    for model in models:
        seen = f"on sale, made by {model.provider} as {model.provider_model}"
        if model.retires_at is not None:
            seen += f", until {model.retires_at:%Y-%m-%d}"
        if not model.is_available:
            seen, mend = "paused or retired: orders are refused", mends.resume(model.id)
            checks.append(Check(model.id, None, seen, mend))
        elif model.provider in providers:
            checks.append(Check(model.id, True, seen))
        else:
            seen += ", which this worker is not set up for: another has to make it"
            checks.append(Check(model.id, None, seen, mends.stop_selling(model.id)))
    if not any(model.is_available and model.provider in providers for model in models):
        seen = "none is on sale that this worker can make"
        checks.append(Check("Models", False, seen, mends.sell("<model>")))
    return checks


_NOBODY: Final = {"task_id": uuid.UUID(int=0), "lease_token": uuid.UUID(int=0)}
_NO_FILE: Final = {"file_job_id": 0, "lease_token": uuid.UUID(int=0)}
_NO_WEBHOOK: Final = {"delivery_id": uuid.UUID(int=0), "lease_token": uuid.UUID(int=0)}
_NOTHING: Final = {"detail": Jsonb({})}
# Each verb with a task that does not exist or with no slots: it must answer, and nothing may change.
PROBES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "claim_jobs": (
        statements.CLAIM_JOBS,
        {"worker_id": "check", "submit_slots": 0, "poll_slots": 0, "transfer_slots": 0, "providers": []},
    ),
    "extend_lease": (statements.EXTEND_LEASE, _NOBODY),
    "begin_submit": (statements.BEGIN_SUBMIT, _NOBODY),
    "record_operation": (
        statements.RECORD_OPERATION,
        _NOBODY | {"submit_attempt": 0, "operation_id": "check"},
    ),
    "requeue_submit": (
        statements.REQUEUE_SUBMIT,
        _NOBODY | _NOTHING | {"submit_attempt": 0, "outcome": "unknown", "retry_after_seconds": None},
    ),
    "record_poll": (statements.RECORD_POLL, _NOBODY | _NOTHING | {"outcome": "running"}),
    "begin_transfer": (statements.BEGIN_TRANSFER, _NOBODY),
    "complete_video": (
        statements.COMPLETE_VIDEO,
        _NOBODY
        | {
            "video": Jsonb(
                {
                    "size_bytes": 1,
                    "sha256": "0" * 64,
                    "width": 1280,
                    "height": 720,
                    "duration_seconds": 8,
                    "thumbnail_path": None,
                }
            )
        },
    ),
    "fail_video": (statements.FAIL_VIDEO, _NOBODY | _NOTHING | {"error_code": "provider_error"}),
    "postpone_job": (statements.POSTPONE_JOB, _NOBODY | {"seconds": 0}),
    "release_leases": (statements.RELEASE_LEASES, {"worker_id": "check"}),
    "claim_file_jobs": (statements.CLAIM_FILE_JOBS, {"worker_id": "check", "slots": 0, "kinds": ["copy"]}),
    "complete_file_job": (statements.COMPLETE_FILE_JOB, _NO_FILE),
    "fail_file_job": (statements.FAIL_FILE_JOB, _NO_FILE | _NOTHING),
    "claim_webhooks": (statements.CLAIM_WEBHOOKS, {"worker_id": "check", "slots": 0}),
    "complete_webhook": (statements.COMPLETE_WEBHOOK, _NO_WEBHOOK),
    "fail_webhook": (statements.FAIL_WEBHOOK, _NO_WEBHOOK | _NOTHING),
}


async def _check_verbs(database: Database) -> list[Check]:
    failed = []
    for name, (statement, arguments) in PROBES.items():
        try:
            await database.probe(statement, arguments)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            failed.append(Check(f"worker_api.{name}", False, _first_line(error), _mend_verb(name, error)))
    return failed or [Check("Verbs", True, f"all {len(PROBES)} of worker_api may be called")]


def _mend_verb(name: str, error: Exception) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return mends.grant_verb(name)
    return mends.PUSH


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
