"""Stages ``poll`` and ``reconcile``: asking what became of an attempt. Neither costs money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.contract import PollVerdict
from worker.providers.base import (
    Detail,
    Failed,
    RejectedError,
    Retryable,
    Running,
    Succeeded,
    UnavailableError,
)

if TYPE_CHECKING:
    from worker.jobs import Job
    from worker.providers.base import PollOutcome, Provider
    from worker.services import Services


async def poll(job: Job, services: Services, provider: Provider) -> float | None:
    """Asks for the operation and records what it says. Seconds until the task is due again, where known."""
    assert job.claim.operation_id is not None, "a claim of stage poll has an operation"
    try:
        outcome = await provider.poll(job.claim.operation_id)
        if isinstance(outcome, Failed) and outcome.error_code == "provider_error":
            outcome = await _rescued(job, provider) or outcome
    except UnavailableError as error:
        return await _record(job, services, PollVerdict.UNAVAILABLE, error.detail.as_json())
    except RejectedError as error:
        outcome = Failed(error.error_code, error.detail)
    match outcome:
        case Running():
            return await _record(job, services, PollVerdict.RUNNING, {})
        case Succeeded(video_url):
            return await _record(job, services, PollVerdict.SUCCEEDED, {"google_video_url": video_url})
        case Retryable(detail):
            return await _record(job, services, PollVerdict.RETRYABLE, detail.as_json())
        case Failed(error_code, detail):
            await _fail(job, services, error_code, detail)
            return None


async def reconcile(job: Job, services: Services, provider: Provider) -> float | None:
    """Looks for the clip of an attempt whose create call was never answered, and adopts it."""
    try:
        video_url = await _look(job, provider)
    except UnavailableError as error:
        return await _record(job, services, PollVerdict.UNAVAILABLE, error.detail.as_json())
    if video_url is None:
        return await _record(job, services, PollVerdict.MISSING, {})
    job.log.info("clip_adopted", video_url=video_url)
    return await _record(job, services, PollVerdict.SUCCEEDED, {"google_video_url": video_url})


async def _look(job: Job, provider: Provider) -> str | None:
    return await provider.find_output(job.claim.output_prefix) if job.claim.output_prefix else None


async def _rescued(job: Job, provider: Provider) -> PollOutcome | None:
    """A clip that lies in its place although its operation came to nothing: paid for, so taken."""
    video_url = await _look(job, provider)
    return Succeeded(video_url) if video_url else None


async def _record(job: Job, services: Services, verdict: PollVerdict, detail: dict[str, Any]) -> float | None:
    with job.protected():
        reply = await services.database.record_poll(job.claim, verdict, detail)
    say = job.log.debug if verdict is PollVerdict.RUNNING else job.log.info
    say(
        "polled",
        outcome=verdict.value,
        code=detail.get("code"),
        result=reply.result.value,
        status=reply.status,
    )
    services.metrics.polls.labels(verdict.value).inc()
    if verdict is PollVerdict.SUCCEEDED:
        return 0.0
    return services.pace.seconds_until(reply.retry_at) if reply.retry_at else None


async def _fail(job: Job, services: Services, error_code: str, detail: Detail) -> None:
    with job.protected():
        reply = await services.database.fail_video(job.claim, error_code, detail.as_json())
    job.log.info(
        "failed", error_code=error_code, code=detail.code, result=reply.result.value, status=reply.status
    )
    services.metrics.polls.labels("failed").inc()
