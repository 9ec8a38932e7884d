"""Answers that never come, or not whole: what HTTP frameworks are made to prevent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from starlette.types import Receive, Scope, Send


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also tells the application which connection a request came in on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class NoAnswer(Response):
    """Nothing. Waits for the client to go away, or closes the connection on it at once."""

    def __init__(self, *, close: bool) -> None:
        super().__init__()
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._close:
            _transport(scope).close()
        await _gone(receive)


class HalfFile(Response):
    """Promises the whole file in `content-length`, sends the first half and closes the connection."""

    def __init__(self, path: Path, size: int, headers: dict[str, str], media_type: str) -> None:
        super().__init__(headers=headers, media_type=media_type)
        self.headers["content-length"] = str(size)
        self._path = path
        self._half = size // 2

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with await anyio.open_file(self._path, "rb") as file:
            left = self._half
            while left > 0 and (chunk := await file.read(min(left, 64 * 1024))):
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        _transport(scope).close()
        await _gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


async def _gone(receive: Receive) -> None:
    # Returning earlier would make uvicorn answer 500 for us.
    while (await receive())["type"] != "http.disconnect":
        pass
