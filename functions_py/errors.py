"""The one shape of every error: ``{code, message, details, hint}``, as the RPCs answer it.

``details`` is a string that holds JSON, ``message`` is made to be shown. 429 and 503 say when to come back,
in a ``Retry-After`` header and, for browsers, in ``details``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

HTTP_CODES: Final[dict[str, tuple[int, str]]] = {
    "malformed_request": (400, "The body is not what the endpoint reads, JSON in most cases."),
    "not_authenticated": (401, "There is no valid access token: sign in first."),
    "invalid_signature": (401, "A webhook whose signature does not fit its body."),
    "not_found": (404, "There is no such endpoint."),
    "method_not_allowed": (405, "The endpoint does not take this method; header Allow says which."),
    "payload_too_large": (413, "The body is larger than the endpoint takes."),
    "invalid_parameter": (422, "A parameter is missing or out of range. details: {parameter, allowed}."),
    "internal_error": (500, "A mistake of ours. It is in our logs under the request id."),
    "payments_unavailable": (503, "The package cannot be bought now. details: {retry_after_seconds}."),
    "upstream_unavailable": (
        503,
        "A service behind this one does not answer. details: {retry_after_seconds}.",
    ),
}
"""The codes that the endpoints raise themselves, with status and meaning. All others come from the RPCs."""


class ApiError(Exception):
    """An error that a caller is told: a code of HTTP_CODES, and a sentence that says what to do next."""

    def __init__(
        self,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = HTTP_CODES[code][0]
        self.body = {"code": code, "message": message, "details": json.dumps(details or {}), "hint": hint}
        self.headers = dict(headers or {})
        if details and "retry_after_seconds" in details:
            self.headers["retry-after"] = str(details["retry_after_seconds"])
        if self.status == 401:
            self.headers.setdefault("www-authenticate", "Bearer")


class UpstreamError(Exception):
    """An error of PostgREST's, which passes to the caller as it is."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(str(body.get("message")))
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers)


def unavailable(what: str, retry_after_seconds: int = 5) -> ApiError:
    """A service behind us gives no usable answer; ``what`` begins the sentence."""
    return ApiError(
        "upstream_unavailable",
        f"{what} does not answer at the moment. Try again in a few seconds.",
        {"retry_after_seconds": retry_after_seconds},
    )


def error_response(error: ApiError | UpstreamError) -> JSONResponse:
    """What the caller gets to see."""
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


def payments_unavailable() -> ApiError:
    """No provider that is set up here sells the package."""
    return ApiError(
        "payments_unavailable",
        "This package cannot be bought at the moment. Please try again later.",
        {"retry_after_seconds": 60},
    )


async def answer_error(_request: Request, error: Exception) -> Response:
    """Exception handler for ApiError and UpstreamError."""
    assert isinstance(error, ApiError | UpstreamError)
    return error_response(error)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Exception handler for what Starlette raises itself: no route, wrong method, broken body."""
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}
    code = codes.get(error.status_code, "malformed_request")
    sentences = {
        "not_found": f"There is nothing at {request.url.path}.",
        "method_not_allowed": f"{request.url.path} does not take {request.method}.",
        "payload_too_large": "The body is too large.",
    }
    return error_response(ApiError(code, sentences.get(code, str(error.detail)), headers=error.headers))


HANDLERS: Final = {
    ApiError: answer_error,
    UpstreamError: answer_error,
    HTTPException: answer_http_exception,
}
