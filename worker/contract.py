"""The rows of ``worker_api``: what each verb answers, checked at the edge."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  pydantic reads the annotation
from decimal import Decimal  # noqa: TC003  pydantic reads the annotation
from enum import StrEnum
from typing import Literal
from uuid import UUID  # noqa: TC003  pydantic reads the annotation

from pydantic import BaseModel, ConfigDict

SUPPORTED_CONTRACT_VERSION = 1


class Row(BaseModel):
    """Unknown keys are ignored: the database may be newer than this worker by additions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Result(StrEnum):
    """What a verb did. ``already_applied`` is a success told twice."""

    APPLIED = "applied"
    ALREADY_APPLIED = "already_applied"
    LEASE_LOST = "lease_lost"
    ILLEGAL_STATE = "illegal_state"

    @property
    def is_done(self) -> bool:
        return self in {Result.APPLIED, Result.ALREADY_APPLIED}


class Stage(StrEnum):
    SUBMIT = "submit"
    RECONCILE = "reconcile"
    POLL = "poll"
    TRANSFER = "transfer"


class StoredFile(Row):
    """An object of Supabase Storage."""

    bucket: str
    path: str


class VideoRequest(Row):
    """What the user asked for; ``duration`` in seconds."""

    prompt: str
    negative_prompt: str | None = None
    duration: int
    resolution: str
    aspect_ratio: str
    reference_image: StoredFile | None = None


class Output(Row):
    """Where the finished files go."""

    bucket: str
    video_path: str
    thumbnail_path: str


class Claim(Row):
    """One stage of one task, leased to this worker until ``lease_expires_at`` (the database's clock)."""

    task_id: UUID
    stage: Stage
    lease_token: UUID
    lease_expires_at: datetime
    provider: str
    model: str
    provider_model: str
    submit_attempt: int
    download_attempt: int
    operation_id: str | None = None
    output_prefix: str | None = None
    google_video_url: str | None = None
    deadline_at: datetime | None = None
    request: VideoRequest
    output: Output


class Reply(Row):
    """The plain answer; ``status`` is the task's, null where the task is unknown."""

    result: Result
    status: str | None = None
    retry_at: datetime | None = None


class LeaseReply(Reply):
    lease_expires_at: datetime | None = None


class SubmitReply(Reply):
    """``submit`` true is the permission to make exactly one paid call; otherwise forget the job."""

    submit: bool = False
    submit_attempt: int | None = None
    output_prefix: str | None = None
    reason: str | None = None


class TransferReply(Reply):
    download_attempt: int | None = None


class DrainReply(Reply):
    released: int = 0


class FleetSettings(Row):
    """The part of ``system_configs`` that paces a worker."""

    poll_interval_seconds: float
    lease_seconds: float
    batch_size: int
    generation_deadline_seconds: float | None = None
    download_attempts: int | None = None
    download_retry_seconds: float | None = None
    next_due_in_seconds: float | None = None


class HeartbeatReply(Reply):
    now: datetime
    settings: FleetSettings


class CronReport(Row):
    is_scheduled: bool
    beat_age_seconds: float | None


class VaultReport(Row):
    """``worker_token_fingerprint`` is the beginning of the hex SHA-256 of what Vault has."""

    has_worker_url: bool
    has_worker_token: bool
    worker_token_fingerprint: str | None


class ModelOnSale(Row):
    """An enabled model; not ``is_available`` while it is paused or retired."""

    id: str
    provider: str
    provider_model: str
    is_available: bool
    retires_at: datetime | None


class PlatformReport(Row):
    """What `worker check` cannot see for itself; ``role`` is who it is to the database."""

    role: str
    cron: CronReport
    vault: VaultReport
    models: list[ModelOnSale]
    submit_per_minute: int


class PollVerdict(StrEnum):
    """The outcomes ``record_poll`` takes."""

    RUNNING = "running"
    UNAVAILABLE = "unavailable"
    MISSING = "missing"
    SUCCEEDED = "succeeded"
    RETRYABLE = "retryable"


class SubmitOutcome(StrEnum):
    """The outcomes ``requeue_submit`` takes."""

    REFUSED = "refused"
    UNKNOWN = "unknown"


class FinishedVideo(Row):
    """What ``complete_video`` is told of the stored file."""

    size_bytes: int
    sha256: str
    width: int
    height: int
    duration_seconds: Decimal
    thumbnail_path: str | None


FileJobKind = Literal["delete", "delete_google", "copy"]


class FileJob(Row):
    """A file to delete, in Supabase Storage or at the provider (``delete_google``), or to copy.

    ``provider`` and ``operation_id`` are those of the attempt that left it, where the database knows them.
    """

    file_job_id: int
    kind: FileJobKind
    bucket: str | None = None
    path: str
    lease_token: UUID
    provider: str | None = None
    operation_id: str | None = None
    source_bucket: str | None = None
    source_path: str | None = None


class Webhook(Row):
    """A webhook to send: ``body`` as it is, which is what gets signed."""

    delivery_id: UUID
    url: str
    body: str
    lease_token: UUID
    attempt: int
