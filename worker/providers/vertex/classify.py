"""What Google's answers mean for money: a table, and the few places where words must be read.

| create call answered            | meaning                                   |
|---------------------------------|-------------------------------------------|
| 429, 503, no connection         | RefusedError: surely not accepted              |
| 400                             | RejectedError: invalid_request, safety_filter  |
| 404 "no longer available"       | RejectedError: model_retired                   |
| 401, 403, other 4xx             | RejectedError: provider_error                  |
| 500, 502, 504, other, cut off   | AmbiguousError: perhaps accepted               |

| operation ended with            | meaning                                   |
|---------------------------------|-------------------------------------------|
| filtered, or 3 about safety     | safety_filter                             |
| 3 INVALID_ARGUMENT              | invalid_request                           |
| 8, 13, 14                       | retryable: overload or Google's own fault |
| anything else, or no video      | provider_error                            |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import httpx2
from google.auth.exceptions import GoogleAuthError
from google.genai import errors

from worker.providers.base import (
    AmbiguousError,
    Detail,
    Failed,
    ProviderError,
    RefusedError,
    RejectedError,
    Retryable,
    Running,
    Succeeded,
    UnavailableError,
)

if TYPE_CHECKING:
    from google.genai import types

    from worker.providers.base import PollOutcome

NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, GoogleAuthError)
RETRYABLE_OPERATION_CODES: Final = frozenset({8, 13, 14})  # RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE
INVALID_ARGUMENT: Final = 3

_SUPPORT_CODE = re.compile(r"\b\d{8}\b")
_SAFETY_WORDS = re.compile(
    r"support codes?|safety|responsible ai|usage guidelines|sensitive|violat|inappropriate|blocked",
    re.IGNORECASE,
)
_RETIRED_WORDS = re.compile(r"no longer available|has been retired|is retired|was shut ?down", re.IGNORECASE)


def create_failure(error: Exception) -> ProviderError:
    """What an exception out of the create call means; doubt is AmbiguousError."""
    if isinstance(error, NEVER_SENT):
        return RefusedError(_transport_detail(error))
    if not isinstance(error, errors.APIError):
        return AmbiguousError(_transport_detail(error))
    detail = _api_detail(error)
    if error.code in {429, 503}:
        return RefusedError(detail, retry_after_seconds(error))
    if error.code == 400:
        return RejectedError(_invalid_code(detail), detail)
    if error.code == 404 and _RETIRED_WORDS.search(detail.message or ""):
        return RejectedError("model_retired", detail)
    if 400 <= error.code < 500 and error.code != 408:
        return RejectedError("provider_error", detail)
    return AmbiguousError(detail)


def poll_failure(error: Exception) -> ProviderError:
    """What an exception out of a poll means. A poll costs nothing, so only what cannot mend itself is final.

    401 and 403 are an operator's slip in the rights: the clip is paid for and waits, so no verdict.
    """
    if isinstance(error, errors.APIError):
        detail = _api_detail(error)
        if error.code in {400, 404}:
            return RejectedError("provider_error", detail)
        return UnavailableError(detail)
    return UnavailableError(_transport_detail(error))


def operation_outcome(operation: types.GenerateVideosOperation) -> PollOutcome:
    """Reads an operation in the only safe order: error, filter, videos."""
    if operation.error:
        return _operation_error(operation.error)
    if not operation.done:
        return Running()
    response = operation.response
    for generated in (response.generated_videos if response else None) or []:
        if generated.video and generated.video.uri:
            return Succeeded(generated.video.uri)
    reasons = tuple((response.rai_media_filtered_reasons if response else None) or ())
    if response and (response.rai_media_filtered_count or reasons):
        return Failed("safety_filter", Detail("rai_filtered", " ".join(reasons), support_codes(*reasons)))
    return Failed("provider_error", Detail("no_video", "The operation ended without a video."))


def support_codes(*texts: str) -> tuple[str, ...]:
    """The eight-digit codes by which Google names the filter that fired."""
    return tuple(dict.fromkeys(code for text in texts for code in _SUPPORT_CODE.findall(text)))


def retry_after_seconds(error: errors.APIError) -> float | None:
    """How long Google asks to wait: google.rpc.RetryInfo in the body, else the Retry-After header."""
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error")
    for item in (inner.get("details") or []) if isinstance(inner, dict) else []:
        delay = item.get("retryDelay") if isinstance(item, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
    header = getattr(error.response, "headers", {}).get("retry-after", "")
    return float(header) if re.fullmatch(r"\d+", header) else None


def _operation_error(error: dict[str, Any]) -> PollOutcome:
    code = error.get("code")
    message = str(error.get("message") or "")
    detail = Detail(str(code), message, support_codes(message))
    if code in RETRYABLE_OPERATION_CODES:
        return Retryable(detail)
    if code == INVALID_ARGUMENT:
        return Failed(_invalid_code(detail), detail)
    return Failed("provider_error", detail)


def _invalid_code(detail: Detail) -> str:
    # INVALID_ARGUMENT is also what Google says of an unsafe prompt or input image.
    unsafe = detail.support_codes or _SAFETY_WORDS.search(detail.message or "")
    return "safety_filter" if unsafe else "invalid_request"


def _api_detail(error: errors.APIError) -> Detail:
    message = error.message or ""
    return Detail(f"{error.code} {error.status or ''}".strip(), message, support_codes(message))


def _transport_detail(error: Exception) -> Detail:
    return Detail(type(error).__name__, str(error))
