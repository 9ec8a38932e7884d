"""What a video provider is to the worker, and how it fails.

ProviderError
├── RefusedError      the create call was surely not accepted: the same request may be sent later
├── RejectedError     final; carries the error code of the failed task
├── AmbiguousError    the create call may have been accepted: never send it again
└── UnavailableError  transient, and nothing was decided
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Detail:
    """The provider's own words, for admins only. Messages are cut: some echo a whole page."""

    code: str | None = None
    message: str | None = None
    support_codes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message[:2000] if self.message else None,
            "support_codes": list(self.support_codes),
        }


class ProviderError(Exception):
    """Base of the tree above. The text names the kind of failure, never the request."""

    def __init__(self, detail: Detail) -> None:
        super().__init__(detail.code or type(self).__name__)
        self.detail = detail


class RefusedError(ProviderError):
    """Surely not accepted (quota, overload, never sent). ``retry_after``: seconds, where known."""

    def __init__(self, detail: Detail, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RejectedError(ProviderError):
    """Final. ``error_code`` is one the database knows for failed tasks."""

    def __init__(self, error_code: str, detail: Detail) -> None:
        super().__init__(detail)
        self.error_code = error_code


class AmbiguousError(ProviderError):
    """Timed out, dropped, or answered by a proxy: the request may have been accepted and may be billed."""


class UnavailableError(ProviderError):
    """A transient failure of anything but a create call."""


@dataclass(frozen=True, slots=True)
class ReferenceImage:
    content: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One paid attempt. ``output_prefix`` is its own, so its clip can be found without an operation id."""

    task_id: UUID
    attempt: int
    model: str
    output_prefix: str
    prompt: str
    negative_prompt: str | None
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    image: ReferenceImage | None


@dataclass(frozen=True, slots=True)
class Running:
    """Not finished yet."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Finished; the clip is at ``video_url``, in a form ``open_result`` and ``delete`` understand."""

    video_url: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Finished without a clip, for good."""

    error_code: str
    detail: Detail


@dataclass(frozen=True, slots=True)
class Retryable:
    """Finished without a clip, by the provider's own fault: a further attempt may do."""

    detail: Detail


PollOutcome = Running | Succeeded | Failed | Retryable


@dataclass(frozen=True, slots=True)
class ResultStream:
    """An open download. Checksums are raw bytes, present where the provider sends them."""

    size: int | None
    content_type: str | None
    chunks: AsyncIterator[bytes]
    md5: bytes | None = None
    crc32c: bytes | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``worker check``: what was tried, what was seen, and how to mend it.

    ``passed`` is None for what cannot be seen from here. ``mend`` is, where there is one, a command.
    """

    name: str
    passed: bool | None
    seen: str
    mend: str = field(default="")


class Provider(Protocol):
    """One video provider. Safe for concurrent use; every call has its own time limit."""

    async def prepare(self) -> None:
        """Does what can fail before money is at stake (credentials). Raises UnavailableError."""
        ...

    async def submit(self, submission: Submission) -> str:
        """Puts at most one request on the wire and returns the operation id.

        Raises RefusedError, RejectedError or AmbiguousError, and nothing else.
        """
        ...

    async def poll(self, operation_id: str) -> PollOutcome:
        """The state of an operation, also of another process's. Raises UnavailableError, RejectedError."""
        ...

    async def find_output(self, output_prefix: str) -> str | None:
        """The URL of the finished clip of the attempt with this prefix, if any. Raises UnavailableError.

        A provider that cannot look (no bucket) answers None.
        """
        ...

    def open_result(self, video_url: str) -> AbstractAsyncContextManager[ResultStream]:
        """Opens the clip for reading in bounded memory.

        Raises UnavailableError, also in the middle of the stream, and RejectedError(video_expired) where it
        is not there (any more).
        """
        ...

    def owns(self, url: str) -> bool:
        """Whether ``delete`` understands this URL or prefix, when nobody says whose it is."""
        ...

    async def delete(self, url: str, operation_id: str | None = None) -> None:
        """Deletes an object, or what an attempt left under its prefix, which ends in ``/``; missing is done.

        ``operation_id`` is the attempt's, where it is known: a provider without places finds its files by it.
        Raises UnavailableError, and ValueError for what must not be deleted.
        """
        ...

    async def check(self, models: Sequence[str], submit_per_minute: int) -> list[Check]:
        """Tries credentials, rights and quota for ``worker check`` without spending anything. Never raises.

        ``models`` are the provider's names of those on sale, each to be asked for; ``submit_per_minute`` is
        how often the whole fleet may submit to one of them.
        """
        ...

    async def close(self) -> None: ...
