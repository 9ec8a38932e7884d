"""What Google's HTTP answers to a create call mean for money, whichever of its APIs gave them.

| create call answered      | meaning                                       |
|---------------------------|-----------------------------------------------|
| 429, 503                  | RefusedError: surely not accepted             |
| 400                       | RejectedError: invalid_request, safety_filter |
| 404 "no longer available" | RejectedError: model_retired                  |
| 401, 403, other 4xx       | RejectedError: provider_error                 |
| 408, 500, 502, 504, other | AmbiguousError: perhaps accepted              |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker.providers.base import AmbiguousError, Detail, RefusedError, RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.genai import errors

    from worker.providers.base import ProviderError

_SUPPORT_CODE: Final = re.compile(r"\b\d{8}\b")
_SAFETY_WORDS: Final = re.compile(
    r"support codes?|safety|responsible ai|usage guidelines|sensitive|violat|inappropriate|blocked",
    re.IGNORECASE,
)
_RETIRED_WORDS: Final = re.compile(
    r"no longer available|has been retired|is retired|was shut ?down", re.IGNORECASE
)


def create_verdict(code: int, detail: Detail, retry_after: float | None) -> ProviderError:
    """The table above; doubt is AmbiguousError."""
    if code in {429, 503}:
        return RefusedError(detail, retry_after)
    if code == 400:
        return RejectedError(invalid_code(detail), detail)
    if code == 404 and _RETIRED_WORDS.search(detail.message or ""):
        return RejectedError("model_retired", detail)
    if 400 <= code < 500 and code != 408:
        return RejectedError("provider_error", detail)
    return AmbiguousError(detail)


def invalid_code(detail: Detail) -> str:
    """INVALID_ARGUMENT is also what Google says of an unsafe prompt or input image."""
    return "safety_filter" if is_about_safety(detail) else "invalid_request"


def is_about_safety(detail: Detail) -> bool:
    return bool(detail.support_codes or _SAFETY_WORDS.search(f"{detail.code} {detail.message}"))


def api_detail(error: errors.APIError) -> Detail:
    message = error.message or ""
    return Detail(f"{error.code} {error.status or ''}".strip(), message, support_codes(message))


def support_codes(*texts: str) -> tuple[str, ...]:
    """The eight-digit codes by which Google names the filter that fired."""
    return tuple(dict.fromkeys(code for text in texts for code in _SUPPORT_CODE.findall(text)))


def retry_after_seconds(body: object, headers: Mapping[str, str]) -> float | None:
    """How long Google asks to wait: google.rpc.RetryInfo in the body, else the Retry-After header."""
    inner: Any = body.get("error") if isinstance(body, dict) else None
    for item in (inner.get("details") or []) if isinstance(inner, dict) else []:
        delay = item.get("retryDelay") if isinstance(item, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
    header = headers.get("retry-after", "")
    return float(header) if re.fullmatch(r"\d+", header) else None
