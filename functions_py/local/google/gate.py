"""What every endpoint of Google's has in common: it is recorded, may be out of order, wants a credential,
fails alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from functions_py.local.google.connections import NoAnswer
from functions_py.local.google.errors import (
    BadGateway,
    ConnectionDropped,
    GoogleError,
    NeverAnswered,
    bad_gateway,
    error_response,
)
from functions_py.local.google.journal import Entry, Journal

Handler = Callable[[Request, Entry], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
Check = Callable[[Request], None]


class Behaviour(BaseModel):
    """An outage of everything, or of some services, set by `POST /_emulator/behaviour`."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["ok", "unreachable", "503"] = "ok"
    latency_seconds: float = Field(default=0, ge=0, le=600)
    services: set[Literal["token", "vertex", "storage", "gemini"]] | None = None

    def concerns(self, service: str) -> bool:
        return self.services is None or service in self.services


class Gate:
    """Makes a handler an endpoint. Handlers fill in the journal entry and raise what errors.py has."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.behaviour = Behaviour()

    def __call__(self, service: str, kind: str, handler: Handler, check: Check | None) -> Endpoint:
        """`check` raises GoogleError for a request without a good credential; None admits everybody."""

        async def endpoint(request: Request) -> Response:
            entry = self._journal.open(kind, request.method, request.url.path)
            try:
                response = await self._answer(service, handler, check, request, entry)
            except Exception:
                entry.status = 500
                self._journal.save(entry)
                raise
            entry.status = None if isinstance(response, NoAnswer) else response.status_code
            self._journal.save(entry)
            return response

        return endpoint

    async def _answer(
        self, service: str, handler: Handler, check: Check | None, request: Request, entry: Entry
    ) -> Response:
        try:
            await self._suffer(service)
            if check:
                check(request)
            return await handler(request, entry)
        except GoogleError as error:
            return error_response(request, error)
        except BadGateway:
            return bad_gateway()
        except ConnectionDropped:
            return NoAnswer(close=True)
        except NeverAnswered:
            return NoAnswer(close=False)

    async def _suffer(self, service: str) -> None:
        behaviour = self.behaviour
        if not behaviour.concerns(service):
            return
        if behaviour.latency_seconds:
            await asyncio.sleep(behaviour.latency_seconds)
        if behaviour.mode == "unreachable":
            raise ConnectionDropped
        if behaviour.mode == "503":
            raise GoogleError(503, "The service is currently unavailable.")
