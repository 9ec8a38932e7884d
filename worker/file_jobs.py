"""Errands: files to delete, in Supabase Storage or at the provider, and files to copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from worker.database import DatabaseUnavailableError
from worker.providers.base import Detail, ProviderError
from worker.storage import StorageError

if TYPE_CHECKING:
    from worker.contract import FileJob
    from worker.providers.base import Provider
    from worker.services import Services

# Well inside a lease, which nobody extends for an errand.
ERRAND_SECONDS: Final = 25.0

log = structlog.get_logger()


async def run_file_job(job: FileJob, services: Services) -> None:
    """Deletes or copies the file and says so; after a failure the database decides when to try again."""
    failure: Detail | None = None
    try:
        async with asyncio.timeout(ERRAND_SECONDS):
            await (_copy(job, services) if job.kind == "copy" else _delete(job, services))
    except ProviderError as error:
        failure = error.detail
    except (StorageError, TimeoutError, ValueError) as error:
        failure = Detail(type(error).__name__, str(error))
    try:
        if failure is None:
            await services.database.complete_file_job(job)
        else:
            await services.database.fail_file_job(job, failure.as_json())
    except (DatabaseUnavailableError, psycopg.Error) as error:
        log.warning("file_job_not_recorded", file_job_id=job.file_job_id, error=str(error))
        return
    services.metrics.file_jobs.labels("failed" if failure else "completed").inc()
    if failure is not None:
        log.warning("file_job_failed", file_job_id=job.file_job_id, kind=job.kind, error=failure.message)


async def _copy(job: FileJob, services: Services) -> None:
    """Byte for byte, inside Storage, and over a copy of the same that is there already."""
    if job.bucket is None or job.source_bucket is None or job.source_path is None:
        raise ValueError("names no source or no bucket")
    await services.storage.copy(job.source_bucket, job.source_path, job.bucket, job.path)


async def _delete(job: FileJob, services: Services) -> None:
    if job.kind == "delete":
        if job.bucket is None:
            raise ValueError("names no bucket")
        await services.storage.delete(job.bucket, job.path)
        return
    await _owner(job, services).delete(job.path, job.operation_id)


def _owner(job: FileJob, services: Services) -> Provider:
    """Raises ValueError where this worker does not have the provider: the job comes back, for another one."""
    if job.provider is not None:
        provider = services.providers.get(job.provider)
        if provider is None:
            raise ValueError(f"provider {job.provider} is not configured here")
        return provider
    for provider in services.providers.values():
        if provider.owns(job.path):
            return provider
    raise ValueError("no configured provider owns this URL")
