"""What Google's answers mean for money; those to a create call in ``worker.providers.verdicts``.

| operation ended with            | meaning                                   |
|---------------------------------|-------------------------------------------|
| filtered, or 3 about safety     | safety_filter                             |
| 3 INVALID_ARGUMENT              | invalid_request                           |
| 8, 13, 14                       | retryable: overload or Google's own fault |
| anything else, or no video      | provider_error                            |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx2
from google.auth.exceptions import GoogleAuthError
from google.genai import errors

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
    api_detail,
    create_verdict,
    invalid_code,
    retry_after_seconds,
    support_codes,
)

if TYPE_CHECKING:
    from google.genai import types

    from worker.providers.base import PollOutcome, ProviderError

NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, GoogleAuthError)
RETRYABLE_OPERATION_CODES: Final = frozenset({8, 13, 14})  # RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE
INVALID_ARGUMENT: Final = 3


def create_failure(error: Exception) -> ProviderError:
    """What an exception out of the create call means; doubt is AmbiguousError."""
    if isinstance(error, NEVER_SENT):
        return RefusedError(_transport_detail(error))
    if not isinstance(error, errors.APIError):
        return AmbiguousError(_transport_detail(error))
    headers = getattr(error.response, "headers", {})
    return create_verdict(error.code, api_detail(error), retry_after_seconds(error.details, headers))


def poll_failure(error: Exception) -> ProviderError:
    """What an exception out of a poll means. A poll costs nothing, so only what cannot mend itself is final.

    401 and 403 are an operator's slip in the rights: the clip is paid for and waits, so no verdict.
    """
    if isinstance(error, errors.APIError):
        detail = api_detail(error)
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


def _operation_error(error: dict[str, Any]) -> PollOutcome:
    code = error.get("code")
    message = str(error.get("message") or "")
    detail = Detail(str(code), message, support_codes(message))
    if code in RETRYABLE_OPERATION_CODES:
        return Retryable(detail)
    if code == INVALID_ARGUMENT:
        return Failed(invalid_code(detail), detail)
    return Failed("provider_error", detail)


def _transport_detail(error: Exception) -> Detail:
    return Detail(type(error).__name__, str(error))
