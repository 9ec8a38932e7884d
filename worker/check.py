"""``worker check``: tries all that the worker needs, names what fails and its mend. Spends nothing."""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.types.json import Jsonb

from worker import statements
from worker.contract import SUPPORTED_CONTRACT_VERSION
from worker.database import Database, DatabaseUnavailableError
from worker.metrics import Metrics
from worker.providers.base import Check
from worker.providers.registry import build_providers
from worker.storage import ObjectMissingError, StorageError, SupabaseStorage

if TYPE_CHECKING:
    from worker.settings import Settings

MARKS: Final = {True: "ok  ", False: "FAIL", None: "--  "}
CHECK_SECONDS: Final = 60.0
VIDEO_BUCKET: Final = "videos"
# The smallest JPEG marker pair: Storage checks the declared type, not the content.
TINY_JPEG: Final = b"\xff\xd8\xff\xd9"


async def run_checks(settings: Settings) -> int:
    """Prints one line per check; the exit code is 1 if one failed."""
    checks: list[Check] = []
    for group in (_check_database, _check_storage, _check_providers):
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found = await group(settings)
        except TimeoutError:
            found = [Check(group.__name__.removeprefix("_check_"), False, "no answer in time")]
        for check in found:
            sys.stdout.write(_line(check))
        checks += found
    return 1 if any(check.passed is False for check in checks) else 0


def _line(check: Check) -> str:
    text = f"{MARKS[check.passed]}  {check.name}: {check.seen}\n"
    return text + (f"      mend: {check.mend}\n" if check.mend and check.passed is False else "")


async def _check_database(settings: Settings) -> list[Check]:
    url = settings.database_url.get_secret_value()
    try:
        # Not through the pool, which would only say that it has no connection.
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=10)
        await connection.close()
    except psycopg.Error as error:
        mend = "check DATABASE_URL: host, port, user, password; set the password of video_worker"
        return [Check("Database", False, _first_line(error), mend)]
    database = Database(url, worker_id="check", connections=1, metrics=Metrics())
    await database.open()
    try:
        version = await database.contract_version()
    except (DatabaseUnavailableError, psycopg.Error) as error:
        return [Check("Contract", False, _first_line(error), "run supabase db push; log in as video_worker")]
    else:
        supported = version == SUPPORTED_CONTRACT_VERSION
        return [
            Check("Database", True, "answers"),
            Check(
                "Contract",
                supported,
                f"the database speaks version {version}, this worker {SUPPORTED_CONTRACT_VERSION}",
                "deploy the worker that belongs to the migrations, or push the migrations that belong to it",
            ),
            *await _check_verbs(database),
            Check(
                "Tick",
                None,
                "cron and Vault are hidden from video_worker; the worker polls by itself without them",
            ),
        ]
    finally:
        await database.close()


_NOBODY: Final = {"task_id": uuid.UUID(int=0), "lease_token": uuid.UUID(int=0)}
_NO_FILE: Final = {"file_job_id": 0, "lease_token": uuid.UUID(int=0)}
_NOTHING: Final = {"detail": Jsonb({})}
# Each verb with a task that does not exist or with no slots: it must answer, and nothing may change.
PROBES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "claim_jobs": (
        statements.CLAIM_JOBS,
        {"worker_id": "check", "submit_slots": 0, "poll_slots": 0, "transfer_slots": 0},
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
    "release_leases": (statements.RELEASE_LEASES, {"worker_id": "check"}),
    "claim_file_jobs": (statements.CLAIM_FILE_JOBS, {"worker_id": "check", "slots": 0}),
    "complete_file_job": (statements.COMPLETE_FILE_JOB, _NO_FILE),
    "fail_file_job": (statements.FAIL_FILE_JOB, _NO_FILE | _NOTHING),
}


async def _check_verbs(database: Database) -> list[Check]:
    failed = []
    for name, (statement, arguments) in PROBES.items():
        try:
            await database.probe(statement, arguments)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            mend = f"grant execute on function worker_api.{name} to video_worker"
            if not isinstance(error, psycopg.errors.InsufficientPrivilege):
                mend = "run supabase db push"
            failed.append(Check(f"worker_api.{name}", False, _first_line(error), mend))
    return failed or [Check("Verbs", True, f"all {len(PROBES)} of worker_api may be called")]


async def _check_storage(settings: Settings) -> list[Check]:
    storage = SupabaseStorage(settings.supabase_url, settings.supabase_secret_key.get_secret_value())
    path = f"worker-check/{uuid.uuid4()}.jpg"
    try:
        bucket = await storage.bucket(VIDEO_BUCKET)
        await storage.upload_bytes(VIDEO_BUCKET, path, TINY_JPEG, "image/jpeg")
        await storage.delete(VIDEO_BUCKET, path)
    except ObjectMissingError as error:
        return [Check("Storage", False, str(error), "run supabase db push: a migration makes the bucket")]
    except StorageError as error:
        return [Check("Storage", False, str(error), "check SUPABASE_URL and SUPABASE_SECRET_KEY")]
    finally:
        await storage.close()
    checks = [Check("Storage", True, f"bucket {VIDEO_BUCKET} takes and deletes a file")]
    if bucket.public:
        checks.append(
            Check(
                "Bucket privacy",
                False,
                f"{VIDEO_BUCKET} is public",
                "make the bucket private: videos belong to users",
            )
        )
    if bucket.file_size_limit is not None and bucket.file_size_limit < settings.video_max_bytes:
        checks.append(
            Check(
                "Bucket limit",
                True,
                f"{bucket.file_size_limit} bytes, below VIDEO_MAX_BYTES: a larger clip would fail",
            )
        )
    return checks


async def _check_providers(settings: Settings) -> list[Check]:
    checks = []
    for provider in build_providers(settings).values():
        checks += await provider.check()
        await provider.close()
    return checks


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
