"""Errors as Google words them: one JSON shape for Vertex and Gemini, another for Cloud Storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}

STORAGE_REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
    500: "internalError",
    503: "backendError",
}

BAD_GATEWAY_PAGE = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8> <title>Error 502 (Server Error)!!1</title> <p><b>502.</b> <ins>That’s an error.</ins>
  <p>The server encountered a temporary error and could not complete your request.<p>Please try again in 30
  seconds.
"""


class GoogleError(Exception):
    """A refusal: HTTP `status`, a `message`, and for Vertex the machine-readable `reason` of
    google.rpc.ErrorInfo.
    """

    def __init__(
        self, status: int, message: str, *, reason: str | None = None, domain: str = "googleapis.com"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.domain = domain


class BadGateway(Exception):  # noqa: N818  (named after what the client sees)
    """The HTML page that Google's front end answers with when the service behind it is away."""


class ConnectionDropped(Exception):  # noqa: N818
    """The request gets no answer: the connection closes."""


class NeverAnswered(Exception):  # noqa: N818
    """The request gets no answer: the connection stays open until the client has had enough."""


def error_response(request: Request, error: GoogleError) -> Response:
    """The error in the wire format of the service whose path was called."""
    path = request.url.path
    if path.startswith(("/storage/", "/upload/storage/", "/download/storage/")):
        return _storage_error(request, error)
    body: dict[str, object] = {
        "code": error.status,
        "message": error.message,
        "status": STATUS_NAMES.get(error.status, "UNKNOWN"),
    }
    if error.reason:
        body["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error.reason,
                "domain": error.domain,
                "metadata": {"service": "aiplatform.googleapis.com"},
            }
        ]
    return JSONResponse({"error": body}, error.status, headers=_challenge(error))


def bad_gateway() -> Response:
    return HTMLResponse(BAD_GATEWAY_PAGE, 502)


def _storage_error(request: Request, error: GoogleError) -> Response:
    if request.query_params.get("alt") == "media":  # then Storage answers with the bare sentence
        return HTMLResponse(error.message, error.status, headers=_challenge(error))
    detail = {
        "message": error.message,
        "domain": "global",
        "reason": STORAGE_REASONS.get(error.status, "invalid"),
    }
    if error.status == 401:
        detail |= {"locationType": "header", "location": "Authorization"}
    return JSONResponse(
        {"error": {"code": error.status, "message": error.message, "errors": [detail]}},
        error.status,
        headers=_challenge(error),
    )


def _challenge(error: GoogleError) -> dict[str, str] | None:
    if error.status != 401:
        return None
    return {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
