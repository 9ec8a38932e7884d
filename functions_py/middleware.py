"""What happens to every request: an id, a line in the log, a bound on its body, an answer in any case."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from functions_py.errors import ApiError, error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

PROBES: Final = frozenset({"/healthz", "/readyz"})
_REQUEST_ID = re.compile(r"[\w.-]{1,64}")


class RequestLog:
    """Gives each request an id (its own X-Request-Id, if it has a sane one) and writes one line about it.

    The line holds no query, header or body: those carry tokens and prompts.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        status = 500
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if scope["path"] not in PROBES:
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        milliseconds=round((time.perf_counter() - began) * 1000, 1),
                    )


class Mistakes:
    """Answers what nothing else caught: the caller learns no more than that it was our mistake."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:
            if started or scope["type"] != "http":
                raise
            log.critical("broken", path=scope["path"], exc_info=True)
            mistake = ApiError("internal_error", "Something went wrong on our side. Try again in a minute.")
            await error_response(mistake)(scope, receive, send)


class BodyLimit:
    """Refuses a body above the limit: by its declared length before it is read, by its real one meanwhile."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        read = 0

        async def receive_within_limit() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit or (declared.isdecimal() and int(declared) > self._limit):
                raise HTTPException(413)
            return message

        await self._app(scope, receive_within_limit, send)
