"""Auth's errors, in the two forms its API has had.

A client that sends `X-Supabase-Api-Version: 2024-01-01` (all current ones do) gets `{code, message}` and the
header back, which is how it knows that `code` is Auth's own. Others get `{code: <status>, error_code, msg}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from starlette.requests import Request

_VERSION_HEADER = "x-supabase-api-version"
_VERSION = "2024-01-01"

# What a project's trigger may raise and an old client is shown as it is. See _postgres_answer.
_SHOWN_SQLSTATES = frozenset(("P0001", "23000", "23001", "23502", "23503", "23505", "23514", "23P01"))


class AuthError(Exception):
    """An answer other than success: HTTP status, Auth's error code, and a sentence.

    `cause` is the database's error where there is one; `weak_reasons` says what a password lacks.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        cause: psycopg.Error | None = None,
        weak_reasons: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.cause = cause
        self.weak_reasons = tuple(weak_reasons)


def unexpected_failure(message: str, cause: psycopg.Error | None = None) -> AuthError:
    """The 500 of everything that went wrong on our side, a failing trigger of the project included."""
    return AuthError(500, "unexpected_failure", message, cause=cause)


def error_response(request: Request, error: AuthError) -> JSONResponse:
    """Render an error in the form the client's API version asks for."""
    # Dates of this form order as text; a client of a later version understands this one.
    if request.headers.get(_VERSION_HEADER, "") >= _VERSION:
        body: dict[str, Any] = {"code": error.code, "message": error.message}
        headers = {_VERSION_HEADER: _VERSION}
    else:
        shown = _postgres_answer(error.cause)
        if shown is not None:
            return shown
        body = {"code": error.status, "error_code": error.code, "msg": error.message}
        headers = {}
        if error.status >= 500:
            body["error_id"] = str(uuid4())
    if error.code == "weak_password":
        body["weak_password"] = {"reasons": list(error.weak_reasons)}
    return JSONResponse(body, status_code=error.status, headers=headers)


def _postgres_answer(cause: psycopg.Error | None) -> JSONResponse | None:
    """What an old client sees of errors a project raises: the database's words, and `PTxyz` as status."""
    sqlstate = cause.sqlstate if cause is not None else None
    if cause is None or sqlstate is None:
        return None
    is_status = sqlstate.startswith("PT") and sqlstate[2:].isdigit()
    if not is_status and sqlstate not in _SHOWN_SQLSTATES:
        return None
    body = {"code": sqlstate, "message": cause.diag.message_primary or ""}
    if cause.diag.message_hint:
        body["hint"] = cause.diag.message_hint
    if cause.diag.message_detail:
        body["detail"] = cause.diag.message_detail
    return JSONResponse(body, status_code=int(sqlstate[2:]) if is_status else 500)
