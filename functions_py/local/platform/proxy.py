"""`/rest/v1`: a streaming reverse proxy to PostgREST.

Uses httpx's transport without its client: nothing of a request is to be interpreted (cookies, redirects,
default headers, decompression), only passed on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import httpx
import structlog
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
# PostgREST ends a statement after the role's own time-out (8 s at most); a service_role call may run longer.
_TIMEOUT_SECONDS = httpx.Timeout(connect=5, read=120, write=120, pool=30).as_dict()

_log = structlog.get_logger(__name__)


class RestProxy:
    """An ASGI application, mounted at `/rest/v1`. Close it when the process ends."""

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self._base_path = self._upstream.raw_path.rstrip(b"/")
        self._transport = httpx.AsyncHTTPTransport(
            # PostgREST closes a connection that was idle for 30 s: never use one that old.
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=15)
        )

    async def aclose(self) -> None:
        """Close the connections to PostgREST."""
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._transport.handle_async_request(self._request(scope, receive))
        except httpx.TimeoutException:
            await _fail(send, 504, "The upstream server is timing out")
            return
        except httpx.ConnectError as error:
            _log.warning("rest_upstream_unreachable", error=repr(error))
            await _fail(send, 503, "The upstream server is currently unavailable")
            return
        except httpx.TransportError as error:
            _log.warning("rest_upstream_broke_off", error=repr(error))
            await _fail(send, 502, "An invalid response was received from the upstream server")
            return
        try:
            await _relay(response, send)
        finally:
            await response.aclose()

    def _request(self, scope: Scope, receive: Receive) -> httpx.Request:
        below_mount = scope["raw_path"].removeprefix(scope["root_path"].encode())
        target = self._base_path + (below_mount or b"/")
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        headers = _forwarded_headers(scope)
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        return httpx.Request(
            scope["method"],
            self._upstream,
            headers=headers,
            content=_body(receive) if has_body else None,
            # The target as such: a URL object would quote some characters anew.
            extensions={"timeout": _TIMEOUT_SECONDS, "target": target},
        )


def _forwarded_headers(scope: Scope) -> RawHeaders:
    """The caller's headers without those of the hop, plus where the call came from."""
    received = Headers(scope=scope)
    dropped = _HOP_BY_HOP | _named_by_connection(scope["headers"]) | {b"host", b"x-forwarded-for"}
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
    client_address = scope["client"][0] if scope.get("client") else "127.0.0.1"
    chain = [part for part in (received.get("x-forwarded-for"), client_address) if part]
    headers.append((b"x-forwarded-for", ", ".join(chain).encode("latin-1")))
    headers.append((b"x-forwarded-host", received.get("host", "").encode("latin-1")))
    headers.append((b"x-forwarded-proto", scope["scheme"].encode()))
    return headers


def _named_by_connection(headers: RawHeaders) -> set[bytes]:
    """Header names the sender declared to be for this hop only."""
    return {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it arrives, so that a large one is never held here."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.WriteError("the client went away while sending")
        if chunk := message.get("body"):
            yield chunk
        if not message.get("more_body"):
            return


async def _relay(response: httpx.Response, send: Send) -> None:
    """Pass the answer on as it arrives.

    One chunk is held back until the next is there: most answers are one chunk, which then goes out whole and
    with its length instead of in three pieces.
    """
    # The server in front of us writes a Date of its own.
    dropped = _HOP_BY_HOP | _named_by_connection(response.headers.raw) | {b"date"}
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in dropped]
    chunks = response.aiter_raw()
    held = await anext(chunks, b"")
    following = await anext(chunks, None) if held else None
    if following is None and held and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(held)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    while following is not None:
        await send({"type": "http.response.body", "body": held, "more_body": True})
        held, following = following, await anext(chunks, None)
    await send({"type": "http.response.body", "body": held})


async def _fail(send: Send, status: int, message: str) -> None:
    content = json.dumps({"message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
