"""What the Interactions API answers means; answers to a create call also in ``worker.providers.verdicts``.

| interaction                                 | meaning                                  |
|---------------------------------------------|------------------------------------------|
| in_progress, queued                         | running                                  |
| completed with a file                       | succeeded                                |
| failed: content filter, or words of safety  | safety_filter                            |
| failed: invalid argument                    | invalid_request                          |
| failed: overload or Google's own fault      | retryable                                |
| anything else, or completed without a file  | provider_error                           |

The SDK's errors of this API are not those of ``google.genai.errors`` and live in private modules, so they are
told apart by ``status_code`` and by what caused them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import httpx2

from worker.providers.base import (
    AmbiguousError,
    Detail,
    Failed,
    RefusedError,
    RejectedError,
    Retryable,
    Running,
    Succeeded,
    UnavailableError,
)
from worker.providers.verdicts import (
    create_verdict,
    invalid_code,
    is_about_safety,
    retry_after_seconds,
    support_codes,
)

if TYPE_CHECKING:
    from google.genai.interactions import Interaction

    from worker.providers.base import PollOutcome, ProviderError

NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
UNFINISHED: Final = frozenset({"in_progress", "queued"})
# An error's code is "a URI that identifies the error type": its last word decides.
FILTERED: Final = re.compile(r"content_filter|safety|blocked|prohibited")
INVALID: Final = re.compile(r"invalid_argument|invalid_request|failed_precondition")
RETRYABLE: Final = re.compile(r"resource_exhausted|internal|unavailable|overloaded|deadline_exceeded")


def create_failure(error: Exception) -> ProviderError:
    """What an exception out of the create call means; doubt is AmbiguousError."""
    if any(isinstance(cause, NEVER_SENT) for cause in _causes(error)):
        return RefusedError(_transport_detail(error))
    code = getattr(error, "status_code", None)
    if code is None:
        return AmbiguousError(_transport_detail(error))
    detail = answer_detail(code, getattr(error, "body", None))
    if is_about_the_key(detail):
        return RejectedError("provider_error", detail)
    headers = getattr(getattr(error, "response", None), "headers", {})
    return create_verdict(code, detail, retry_after_seconds(getattr(error, "body", None), headers))


def poll_failure(error: Exception) -> ProviderError:
    """What an exception out of a poll means. A poll costs nothing, so only what cannot mend itself is final.

    A key that is refused is an operator's slip: the clip is paid for and waits, so no verdict.
    """
    code = getattr(error, "status_code", None)
    if code is None:
        return UnavailableError(_transport_detail(error))
    detail = answer_detail(code, getattr(error, "body", None))
    if code in {400, 404} and not is_about_the_key(detail):
        return RejectedError("provider_error", detail)
    return UnavailableError(detail)


def interaction_outcome(interaction: Interaction) -> PollOutcome:
    """Reads an interaction; whether its file is ready is another question."""
    if interaction.status in UNFINISHED:
        return Running()
    if interaction.errors:
        return _interaction_error(interaction)
    video = interaction.output_video if interaction.status == "completed" else None
    if video and video.uri:
        return Succeeded(video.uri)
    return Failed(
        "provider_error", Detail(str(interaction.status), f"It ended as {interaction.status} without a file.")
    )


def answer_detail(code: int, body: object) -> Detail:
    """Google's own words out of an answer: ``{"error": {code, status, message}}``, or a page."""
    error: Any = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Detail(str(code), str(body or ""))
    message = str(error.get("message") or "")
    status = error.get("status") or (error.get("code") if isinstance(error.get("code"), str) else "")
    return Detail(f"{code} {status}".strip(), message, support_codes(message))


def is_about_the_key(detail: Detail) -> bool:
    """Google answers 400, not 401, to a key that it does not know."""
    return "api key" in (detail.message or "").lower()


def _interaction_error(interaction: Interaction) -> PollOutcome:
    codes = [error.code or "" for error in interaction.errors or []]
    message = " ".join(error.message or "" for error in interaction.errors or []).strip()
    detail = Detail(" ".join(codes) or str(interaction.status), message, support_codes(message))
    code = detail.code.lower() if detail.code else ""
    if FILTERED.search(code) or is_about_safety(detail):
        return Failed("safety_filter", detail)
    if INVALID.search(code):
        return Failed(invalid_code(detail), detail)
    if RETRYABLE.search(code):
        return Retryable(detail)
    return Failed("provider_error", detail)


def _causes(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__
    return chain


def _transport_detail(error: Exception) -> Detail:
    return Detail(type(error).__name__, str(error))
