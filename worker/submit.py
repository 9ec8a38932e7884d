"""Stage ``submit``: from a paid request to an operation id, over the one call that costs money."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import psycopg

from worker.contract import SubmitOutcome
from worker.database import DatabaseUnavailableError
from worker.providers.base import (
    AmbiguousError,
    Detail,
    ReferenceImage,
    RefusedError,
    RejectedError,
    Submission,
    UnavailableError,
)
from worker.storage import ObjectMissingError, ObjectTooLargeError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.contract import Reply
    from worker.jobs import Job
    from worker.providers.base import Provider
    from worker.services import Services

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
IMAGE_FETCH_SECONDS: Final = 60.0
LAST_WORD_SECONDS: Final = 5.0
SIGNATURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class _UnusableImageError(Exception):
    """The reference image can never be sent; the text says why."""


async def submit(job: Job, services: Services, provider: Provider) -> float | None:
    """Seconds until the task is due again, where known.

    Everything that can fail without costing money is done first. Between ``begin_submit`` (the commit point)
    and the record of the answer the job is protected: no lost lease and no shutdown may cut it off.
    """
    if not await _is_allowed(job, services):
        return None
    async with _bounded_images(job, services):
        try:
            await provider.prepare()
            image = await _reference_image(job, services)
        except (UnavailableError, StorageError, TimeoutError) as error:
            job.log.warning("submit_postponed", error=_describe(error))
            services.metrics.submits.labels("postponed").inc()
            return await _postpone(job, services)
        except _UnusableImageError as error:
            detail = Detail("reference_image", str(error))
            await services.database.fail_video(job.claim, "invalid_request", detail.as_json())
            job.log.info("submit_rejected", error_code="invalid_request", reason=str(error))
            services.metrics.submits.labels("rejected").inc()
            return None
        with job.protected():
            return await _pay(job, services, provider, image)


async def _is_allowed(job: Job, services: Services) -> bool:
    """Whether moderation, if there is any, lets the texts pass; else the task has failed."""
    if services.moderator is None:
        return True
    asked = job.claim.request
    try:
        await services.moderator.screen((asked.prompt, asked.negative_prompt), str(job.claim.task_id))
    except RejectedError as error:
        reply = await services.database.fail_video(job.claim, error.error_code, error.detail.as_json())
        job.log.info("moderated", error_code=error.error_code, code=error.detail.code, result=reply.result)
        services.metrics.submits.labels("rejected").inc()
        return False
    return True


async def _postpone(job: Job, services: Services) -> float:
    """Hands the job back: nothing is at stake yet. Seconds until it is due again."""
    pause = services.pace.poll_interval
    try:
        await services.database.postpone_job(job.claim, pause)
    except (DatabaseUnavailableError, psycopg.Error) as error:
        # Also a database that does not know the verb yet: the lease runs out by itself.
        job.log.warning("job_not_handed_back", error=_describe(error))
        return services.pace.lease
    return pause


async def _pay(
    job: Job, services: Services, provider: Provider, image: ReferenceImage | None
) -> float | None:
    begun = await services.database.begin_submit(job.claim)
    if not (begun.result.is_done and begun.submit) or begun.submit_attempt is None or not begun.output_prefix:
        job.log.info("submit_not_begun", result=begun.result.value, reason=begun.reason, status=begun.status)
        services.metrics.submits.labels(begun.reason or begun.result.value).inc()
        return services.pace.seconds_until(begun.retry_at) if begun.retry_at else None
    job.log = job.log.bind(attempt=begun.submit_attempt)
    asked = job.claim.request
    submission = Submission(
        task_id=job.claim.task_id,
        attempt=begun.submit_attempt,
        model=job.claim.provider_model,
        output_prefix=begun.output_prefix,
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        duration_seconds=asked.duration,
        resolution=asked.resolution,
        aspect_ratio=asked.aspect_ratio,
        image=image,
    )
    try:
        operation_id = await provider.submit(submission)
    except RefusedError as error:
        return await _requeue(
            job, services, submission, SubmitOutcome.REFUSED, error.detail, error.retry_after
        )
    except AmbiguousError as error:
        return await _requeue(job, services, submission, SubmitOutcome.UNKNOWN, error.detail, None)
    except RejectedError as error:
        reply = await services.database.fail_video(job.claim, error.error_code, error.detail.as_json())
        job.log.info(
            "submit_rejected", error_code=error.error_code, code=error.detail.code, result=reply.result
        )
        services.metrics.submits.labels("rejected").inc()
        return None
    except asyncio.CancelledError:
        # Only a drain that ran out of time gets here. If this fails, the lease says it later.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await _requeue(job, services, submission, SubmitOutcome.UNKNOWN, Detail("shutdown"), None)
        raise
    return await _record(job, services, submission, operation_id)


async def _record(job: Job, services: Services, submission: Submission, operation_id: str) -> float | None:
    try:
        reply = await services.database.record_operation(job.claim.task_id, submission.attempt, operation_id)
    except asyncio.CancelledError:
        job.log.critical("operation_not_recorded", operation_id=operation_id)
        raise
    _log_unless_done(job, "operation_not_wanted", reply)
    job.log.info("submitted", operation_id=operation_id, result=reply.result.value)
    services.metrics.submits.labels("accepted").inc()
    return services.pace.poll_interval


async def _requeue(
    job: Job,
    services: Services,
    submission: Submission,
    outcome: SubmitOutcome,
    detail: Detail,
    retry_after: float | None,
) -> float | None:
    reply = await services.database.requeue_submit(
        job.claim.task_id, submission.attempt, outcome, detail.as_json(), retry_after
    )
    _log_unless_done(job, "requeue_not_applied", reply)
    job.log.warning("submit_put_back", outcome=outcome.value, code=detail.code, status=reply.status)
    services.metrics.submits.labels(outcome.value).inc()
    return services.pace.seconds_until(reply.retry_at) if reply.retry_at else None


def _log_unless_done(job: Job, event: str, reply: Reply) -> None:
    if not reply.result.is_done:
        job.log.warning(event, result=reply.result.value, status=reply.status)


@contextlib.asynccontextmanager
async def _bounded_images(job: Job, services: Services) -> AsyncIterator[None]:
    """An image costs five times its size while it is sent (bytes, base64, JSON), so few are sent at once."""
    if job.claim.request.reference_image is None:
        yield
    else:
        async with services.images:
            yield


async def _reference_image(job: Job, services: Services) -> ReferenceImage | None:
    """The image by its content, whatever it calls itself. Raises _UnusableImageError, StorageError."""
    reference = job.claim.request.reference_image
    if reference is None:
        return None
    try:
        async with asyncio.timeout(IMAGE_FETCH_SECONDS):
            content = await services.storage.fetch(reference.bucket, reference.path, MAX_IMAGE_BYTES)
    except ObjectMissingError as error:
        raise _UnusableImageError("The reference image is no longer there.") from error
    except ObjectTooLargeError as error:
        raise _UnusableImageError("The reference image is above 20 MB.") from error
    for signature, mime_type in SIGNATURES.items():
        if content.startswith(signature):
            return ReferenceImage(content, mime_type)
    raise _UnusableImageError("The reference image is neither PNG nor JPEG.")


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
