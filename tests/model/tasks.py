"""The life of tasks, as sql/README.md and the headers of the verbs promise it, in a few plain rules.

Times are whole seconds. A verb returns the named result that a worker is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.model.house import DAY, Call

if TYPE_CHECKING:
    from tests.model.house import House
    from tests.model.ledger import Account

SETTINGS: Final = {
    "signup_bonus_credits": 25,
    "video_concurrent_limit": 3,
    "video_poll_interval_seconds": 10,
    "video_submit_per_minute": 10000,
    "video_submit_deadline_seconds": 1800,
    "video_submit_attempts": 3,
    # With the least of each, a refused submit is due again after a second at most: no jitter to model.
    "video_submit_backoff_seconds": 1,
    "video_submit_backoff_max_seconds": 1,
    "video_reconcile_seconds": 600,
    "video_generation_deadline_seconds": 900,
    "video_download_attempts": 3,
    "video_download_retry_seconds": 30,
    "video_google_expiry_hours": 48,
    "video_lease_seconds": 60,
}
"""What the model knows of the configuration; the database is given the same."""

LEASE: Final = SETTINGS["video_lease_seconds"]
EXPIRY: Final = SETTINGS["video_google_expiry_hours"] * 3600
CHARGED: Final = {
    "timeout",
    "submission_unknown",
    "download_failed",
    "video_expired",
    "user_deleted",
    "admin_refunded",
    "rolled_back",
    None,
}
"""Reasons to end (None: cancelled) after which the provider may have been paid."""
FROM_WORKER: Final = (
    "safety_filter",
    "prompt_rejected",
    "invalid_request",
    "provider_quota",
    "provider_error",
)

APPLIED: Final = "applied"
ALREADY: Final = "already_applied"
LOST: Final = "lease_lost"
ILLEGAL: Final = "illegal_state"


@dataclass(eq=False)
class Job:
    due: int
    deadline: int
    stage: str = "submit"
    lease: str | None = None
    attempt_lease: str | None = None
    last_lease: str | None = None
    attempt: int = 0
    refusals: int = 0
    downloads: int = 0

    def next(self, stage: str, due: int, deadline: int, lease: str | None) -> None:
        """A verdict under this lease: what is next."""
        self.stage, self.due, self.deadline = stage, due, deadline
        self.last_lease, self.lease = lease, None


@dataclass(eq=False)
class Task:
    id: str
    account: Account
    cost: int
    request: tuple[int, str]
    key: str | None
    created: int
    job: Job | None
    status: str = "pending"
    retry_of: Task | None = None
    error: str | None = None
    resolving_lease: str | None = None
    calls: dict[int, Call] = field(default_factory=dict)
    leases: list[str] = field(default_factory=list)
    """Every lease there ever was."""
    clip_expires: int = 0
    is_deleted: bool = False
    """Its content is gone; what it cost stays."""

    @property
    def cents(self) -> int:
        """What one call for it costs."""
        seconds, _ = self.request
        return CENTS_PER_SECOND * seconds

    @property
    def refunded(self) -> int:
        refunds = {"video_refund", "goodwill_refund"}
        return sum(e.amount for e in self.account.entries if e.task_id == self.id and e.type in refunds)

    @property
    def row(self) -> list[object]:
        """As it stands in the database."""
        is_refunded = self.status in {"failed", "cancelled"} and self.cost > 0
        takes_slot = None if self.job is None else self.retry_of is None
        stage = self.job.stage if self.job else None
        return [self.status, self.error, is_refunded, stage, takes_slot, self.is_deleted]

    @property
    def submit_deadline(self) -> int:
        return self.created + SETTINGS["video_submit_deadline_seconds"]

    def end(self, status: str, error: str | None, lease: str | None = None) -> None:
        """Fails or cancels: the credits go back, once."""
        assert self.job is not None
        if self.cost:
            self.account.post("video_refund", self.cost, self.id)
        self.status, self.error, self.resolving_lease = status, error, lease
        call = self.calls.get(self.job.attempt)
        if call is not None and call.outcome in {"in_flight", "accepted", "unknown"}:
            call.outcome = _outcome_at_the_end(call.outcome, error)
        self.job = None

    def claim(self, lease: str, now: int) -> None:
        assert self.job is not None
        if self.job.stage == "submitting":
            self.job.stage = "reconcile"
        self.job.lease, self.job.due = lease, now + LEASE
        self.leases.append(lease)

    def refuse(self, lease: str, *stages: str) -> str | None:
        """Why a verdict does not apply; None if it does."""
        if self.job is None:
            return ALREADY if self.resolving_lease == lease else ILLEGAL
        if self.job.lease != lease:
            return ALREADY if self.job.last_lease == lease else LOST
        return None if self.job.stage in stages else ILLEGAL

    def cancel(self) -> str | None:
        """By its owner; the code of the refusal, or None."""
        if self.is_deleted:
            return "task_not_found"
        if self.status == "cancelled":
            return None
        if self.status != "pending" or self.job is None or self.job.stage != "submit":
            return "illegal_state"
        self.end("cancelled", None)
        return None

    def delete(self) -> str | None:
        """By its owner, once it is settled."""
        if self.job is not None:
            return "illegal_state"
        self.is_deleted = True
        return None

    def give_back(self, amount: int | None, key: str | None) -> str:
        """By an administrator, once: all of a live one, all or a part of a finished one."""
        request = (self.id, amount)
        keys = self.account.keys
        if self.account.user_id and keys.get(("refund_video", key), request) != request:
            return "idempotency_conflict"
        least = 1 if self.status == "completed" else self.cost
        if amount is not None and not max(least, 1) <= amount <= self.cost:
            return "invalid_parameter"
        if self.job is None and (self.cost == 0 or self.refunded):
            return ALREADY
        if self.job is not None:
            self.end("failed", "admin_refunded")
        elif self.account.user_id is None:
            return "user_not_found"
        else:
            self.account.post("goodwill_refund", amount or self.cost, self.id)
        if key is not None:
            keys["refund_video", key] = request
        return APPLIED

    def retry(self, others: list[Task], now: int) -> str | Task:
        """By an administrator: why its download is not tried again, the try there is, or a new one."""
        first = self.retry_of or self
        if first.is_deleted:
            return "task_not_found"
        for other in others:
            if other.retry_of is first and other.status in {"downloading", "completed"}:
                return other
        if self.error != "download_failed" or first.clip_expires <= now:
            return ILLEGAL
        job = Job(now, first.clip_expires, "transfer")
        return Task("", first.account, 0, first.request, None, now, job, "downloading", first)

    def begin_submit(self, lease: str, now: int, house: House) -> str:
        if refused := self.refuse(lease, "submit", "submitting"):
            return refused
        assert self.job is not None
        job = self.job
        if job.stage == "submitting":
            return ALREADY
        if now > job.deadline:
            self.end("failed", "provider_quota" if job.refusals else "timeout", lease)
            return APPLIED
        if house.is_paused:
            self.end("failed", "model_retired", lease)
            return APPLIED
        if not house.can_afford(self.cents, now // DAY):
            self.end("failed", "spend_cap", lease)
            return APPLIED
        job.stage, job.attempt, job.attempt_lease = "submitting", job.attempt + 1, lease
        job.due, job.deadline = now + LEASE, now + SETTINGS["video_reconcile_seconds"]
        self.calls[job.attempt] = Call(now // DAY, self.cents)
        house.calls.append(self.calls[job.attempt])
        return APPLIED

    def record_operation(self, attempt: int, operation: str, now: int) -> str:
        call = self.calls.get(attempt)
        if call is None:
            return ILLEGAL
        if call.operation is not None:
            return ALREADY if call.operation == operation else ILLEGAL
        call.operation = operation
        job = self.job
        if job is None or job.attempt != attempt or job.stage not in {"submitting", "reconcile"}:
            call.outcome = "late"
            return ILLEGAL
        call.outcome, self.status = "accepted", "processing"
        deadline = now + SETTINGS["video_generation_deadline_seconds"]
        job.next("poll", now + SETTINGS["video_poll_interval_seconds"], deadline, job.attempt_lease)
        return APPLIED

    def requeue_submit(self, attempt: int, outcome: str, now: int) -> str:
        call = self.calls.get(attempt)
        if call is not None and call.outcome == outcome:
            return ALREADY
        job = self.job
        if job is None or job.attempt != attempt or job.stage not in {"submitting", "reconcile"}:
            return ILLEGAL
        assert call is not None, "a job that was submitted has a call"
        call.outcome = outcome
        if outcome == "unknown":
            if job.stage == "submitting":
                due = now + SETTINGS["video_poll_interval_seconds"]
                job.next("reconcile", due, now + SETTINGS["video_reconcile_seconds"], job.attempt_lease)
        elif now >= self.submit_deadline:
            self.end("failed", "provider_quota", job.attempt_lease)
        else:
            job.refusals += 1
            job.next("submit", now + 1, self.submit_deadline, job.attempt_lease)
        return APPLIED

    def record_poll(self, lease: str, outcome: str, now: int) -> str:
        stages = {"missing": ("reconcile",), "retryable": ("poll",), "running": ("poll",)}
        if refused := self.refuse(lease, *stages.get(outcome, ("poll", "reconcile"))):
            return refused
        assert self.job is not None
        job, call = self.job, self.calls[self.job.attempt]
        if outcome == "succeeded":
            if job.stage == "reconcile":
                call.operation = f"adopted:{self.id}/{job.attempt}/"
            call.outcome, self.status, self.clip_expires = "succeeded", "downloading", now + EXPIRY
            job.next("transfer", now, self.clip_expires, lease)
        elif outcome == "retryable":
            if self._failed_calls() + 1 >= SETTINGS["video_submit_attempts"]:
                self.end("failed", "provider_error", lease)
            else:
                call.outcome = "failed"
                job.next("submit", now + 1, now + SETTINGS["video_submit_deadline_seconds"], lease)
        elif now > job.deadline:
            self.end("failed", "submission_unknown" if job.stage == "reconcile" else "timeout", lease)
        else:
            job.next(job.stage, now + SETTINGS["video_poll_interval_seconds"], job.deadline, lease)
        return APPLIED

    def begin_transfer(self, lease: str, now: int) -> str:
        if refused := self.refuse(lease, "transfer"):
            return refused
        assert self.job is not None
        job = self.job
        if job.attempt_lease == lease:
            return ALREADY
        if job.downloads >= SETTINGS["video_download_attempts"]:
            self.end("failed", "download_failed", lease)
            return ILLEGAL
        job.downloads, job.attempt_lease, job.due = job.downloads + 1, lease, now + LEASE
        return APPLIED

    def complete(self, lease: str) -> str:
        if refused := self.refuse(lease, "transfer"):
            return refused
        self.status, self.resolving_lease, self.job = "completed", lease, None
        return APPLIED

    def fail(self, lease: str, error: str, now: int) -> str:
        is_transfer = error in {"download_failed", "video_expired"}
        before_the_clip = ("submit", "submitting", "reconcile", "poll")
        if refused := self.refuse(lease, *(("transfer",) if is_transfer else before_the_clip)):
            return refused
        assert self.job is not None
        if error == "download_failed" and self.job.downloads < SETTINGS["video_download_attempts"]:
            due = now + SETTINGS["video_download_retry_seconds"]
            self.job.next("transfer", due, self.job.deadline, lease)
        else:
            self.end("failed", error, lease)
        return APPLIED

    def extend(self, lease: str, now: int) -> str:
        if self.job is None:
            return ILLEGAL
        if self.job.lease != lease:
            return LOST
        self.job.due = now + LEASE
        return APPLIED

    def release(self, now: int) -> None:
        """Its worker stops."""
        job = self.job
        if job is None or job.lease is None or job.stage == "submitting":
            return
        if job.stage == "transfer" and job.attempt_lease == job.lease:
            job.downloads -= 1
        job.due, job.lease = now, None

    def is_abandoned(self, now: int) -> bool:
        """Past its deadline, and nobody holds it."""
        return self.job is not None and self.job.deadline < now and self.job.due <= now

    def sweep(self) -> None:
        assert self.job is not None
        if self.job.stage == "transfer":
            self.end("failed", "video_expired")
        elif self.job.stage in {"submitting", "reconcile"}:
            self.end("failed", "submission_unknown")
        else:
            is_refused = self.job.stage == "submit" and self.job.refusals > 0
            self.end("failed", "provider_quota" if is_refused else "timeout")

    def _failed_calls(self) -> int:
        return sum(call.outcome == "failed" for call in self.calls.values())


def _outcome_at_the_end(outcome: str, error: str | None) -> str:
    if error == "safety_filter":
        return "filtered"
    if error in CHARGED:
        return "abandoned" if outcome == "accepted" else "unknown"
    return "rejected" if outcome == "in_flight" else "failed"


PRICES: Final = {(4, "720p"): 40, (6, "1080p"): 90, (8, "720p"): 80, (8, "1080p"): 120}
"""Credits of some kinds of video."""
CENTS_PER_SECOND: Final = 75
"""What the provider is paid."""
