"""Stage ``transfer``: the finished clip from the provider into Supabase Storage, checked on the way."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from worker.contract import FinishedVideo
from worker.download import BadDownloadError, download
from worker.media import NotTheVideoError, check_asked, inspect
from worker.providers.base import Detail, ProviderError, RejectedError
from worker.storage import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.download import Downloaded
    from worker.jobs import Job
    from worker.media import Inspection
    from worker.providers.base import Provider
    from worker.services import Services


async def transfer(job: Job, services: Services, provider: Provider) -> float | None:
    """Moves the file and settles the task. Seconds until a further attempt, where there is one."""
    begun = await services.database.begin_transfer(job.claim)
    if not begun.result.is_done:
        job.log.info("transfer_not_begun", result=begun.result.value, status=begun.status)
        services.metrics.transfers.labels(begun.result.value).inc()
        return None
    job.log = job.log.bind(download_attempt=begun.download_attempt)
    started = time.monotonic()
    try:
        async with asyncio.timeout(services.settings.video_transfer_timeout_seconds):
            video = await _move(job, services, provider)
    except (ProviderError, BadDownloadError, NotTheVideoError, StorageError, TimeoutError, OSError) as error:
        return await _fail(job, services, error)
    except Exception as error:
        # A bug in here must not hold a paid clip until its deadline: it counts as a failed attempt.
        job.log.exception("transfer_crashed")
        services.metrics.crashes.inc()
        return await _fail(job, services, error)
    seconds = time.monotonic() - started
    with job.protected():
        reply = await services.database.complete_video(job.claim, video)
    job.log.info(
        "completed",
        result=reply.result.value,
        status=reply.status,
        size_bytes=video.size_bytes,
        seconds=round(seconds, 2),
    )
    services.metrics.transfers.labels("completed" if reply.result.is_done else reply.result.value).inc()
    services.metrics.transfer_seconds.observe(seconds)
    services.metrics.transfer_bytes.inc(video.size_bytes)
    return None


async def _move(job: Job, services: Services, provider: Provider) -> FinishedVideo:
    assert job.claim.google_video_url is not None, "a claim of stage transfer has a result"
    asked, output = job.claim.request, job.claim.output
    async with _scratch(services.settings.worker_temp_dir) as directory:
        file = directory / "video.mp4"
        async with provider.open_result(job.claim.google_video_url) as stream:
            got = await download(stream, file, services.settings.video_max_bytes)
        found = await asyncio.to_thread(inspect, file)
        check_asked(
            found, duration=asked.duration, resolution=asked.resolution, aspect_ratio=asked.aspect_ratio
        )
        if not await _is_stored(services, output.bucket, output.video_path, got):
            await services.storage.upload_file(output.bucket, output.video_path, file, got.size, "video/mp4")
    return FinishedVideo(
        size_bytes=got.size,
        sha256=got.sha256,
        width=found.width,
        height=found.height,
        duration_seconds=Decimal(f"{found.duration:.3f}"),
        thumbnail_path=await _store_poster(job, services, found),
    )


@contextlib.asynccontextmanager
async def _scratch(parent: Path) -> AsyncIterator[Path]:
    """A directory that is gone afterwards; both in a thread, because deleting a large file takes its time."""
    directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="reelbase-", dir=parent)
    try:
        yield Path(directory)
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


async def _is_stored(services: Services, bucket: str, path: str, got: Downloaded) -> bool:
    """Whether an earlier attempt, whose record was lost, has already put this very file there."""
    stored = await services.storage.info(bucket, path)
    if stored is None or stored.size != got.size:
        return False
    etag = (stored.etag or "").strip('"').lower()
    # An etag is the MD5 unless the object was stored in parts; then its size must do.
    return len(etag) != len(got.md5) or etag == got.md5


async def _store_poster(job: Job, services: Services, found: Inspection) -> str | None:
    """The thumbnail's path, or None: a video without a poster is still the video that was paid for."""
    output = job.claim.output
    try:
        await services.storage.upload_bytes(output.bucket, output.thumbnail_path, found.poster, "image/jpeg")
    except StorageError as error:
        job.log.warning("poster_not_stored", error=str(error))
        return None
    return output.thumbnail_path


async def _fail(job: Job, services: Services, error: Exception) -> float | None:
    error_code, detail = "download_failed", Detail(type(error).__name__, str(error))
    if isinstance(error, ProviderError):
        detail = error.detail
    if isinstance(error, RejectedError):
        # Said for good: the file is gone, and a further attempt would find no more.
        error_code = error.error_code
    with job.protected():
        reply = await services.database.fail_video(job.claim, error_code, detail.as_json())
    job.log.warning(
        "transfer_failed",
        error_code=error_code,
        code=detail.code,
        error=str(error),
        result=reply.result.value,
        status=reply.status,
    )
    services.metrics.transfers.labels(error_code).inc()
    return services.pace.seconds_until(reply.retry_at) if reply.retry_at else None
