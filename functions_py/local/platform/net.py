"""Delivers what the database queued through pg_net's functions (sql/platform/40_net.sql), as pg_net does.

One transaction per batch: take up to 200 of the oldest requests, send them all at once, store the
responses, commit when the slowest is done. So nothing is sent before the caller's COMMIT, one slow
request delays the answers of its batch, nothing is ever retried, and a response is kept for six hours. A
loop killed between sending and commit sends again after its restart, as the extension does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg_pool import AsyncConnectionPool

_BATCH_SIZE = 200
_PAUSE_SECONDS = 1.0
_RESPONSES_KEPT = "6 hours"
_USER_AGENT = "pg_net/0.20.4"
# By this name net.check_worker_is_up() finds out whether anybody delivers.
_APPLICATION_NAME = "pg_net worker"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    id: int
    method: str
    url: str
    headers: dict[str, str] | None
    body: bytes | None
    timeout_milliseconds: int


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int | None = None
    headers: dict[str, str] | None = None
    content: str | None = None
    timed_out: bool = False
    error_msg: str | None = None

    @property
    def content_type(self) -> str | None:
        return next((v for k, v in (self.headers or {}).items() if k.lower() == "content-type"), None)


async def deliver(database: AsyncConnectionPool[Any] | str, stop: asyncio.Event) -> None:
    """Delivers until `stop` is set; connects again when the database was restarted.

    Args:
        database: a pool, of which one connection is used all the time, or a connection string.
        stop: ends the loop after the batch under way.
    """
    # Every request brings a time limit of its own (see _send).
    unlimited = httpx.Timeout(None)
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=unlimited) as client:
        while not stop.is_set():
            try:
                async with _listening(database) as connection:
                    while not stop.is_set():
                        sent = await _deliver_batch(connection, client)
                        await _pause(connection, stop, interruptible=sent == 0)
            except psycopg.OperationalError as error:
                log.warning("pg_net.reconnect", error=str(error).strip())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def _listening(database: AsyncConnectionPool[Any] | str) -> AsyncIterator[AsyncConnection[Any]]:
    if isinstance(database, str):
        opened = await AsyncConnection.connect(database, autocommit=True)
        source: contextlib.AbstractAsyncContextManager[AsyncConnection[Any]] = opened
    else:
        source = database.connection()
    async with source as connection:
        await connection.set_autocommit(True)
        await connection.execute("select set_config('application_name', %s, false)", (_APPLICATION_NAME,))
        await connection.execute("listen net_wake")
        yield connection


async def _pause(connection: AsyncConnection[Any], stop: asyncio.Event, *, interruptible: bool) -> None:
    """One second; an idle loop is woken at once by a commit that queued something, a busy one is not."""
    waiting: list[asyncio.Future[bool]] = [asyncio.ensure_future(stop.wait())]
    if interruptible:
        waiting.append(asyncio.ensure_future(_next_wake(connection)))
    done, pending = await asyncio.wait(waiting, timeout=_PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        # Raises what ended the connection.
        task.result()


async def _next_wake(connection: AsyncConnection[Any]) -> bool:
    async for _ in connection.notifies(stop_after=1):
        return True
    return False


async def _deliver_batch(connection: AsyncConnection[Any], client: httpx.AsyncClient) -> int:
    """Sends one batch and stores its responses; returns how many there were."""
    async with connection.transaction(), connection.cursor(row_factory=class_row(_Request)) as cursor:
        await cursor.execute(
            """
            delete from net.http_request_queue as q
            using (select id from net.http_request_queue order by id limit %s) as oldest
            where q.id = oldest.id
            returning q.id, q.method, q.url, q.headers, q.body, q.timeout_milliseconds
            """,
            (_BATCH_SIZE,),
        )
        requests = await cursor.fetchall()
        if not requests:
            return 0
        responses = await asyncio.gather(*(_send(client, request) for request in requests))
        await cursor.execute(
            "delete from net._http_response where created < clock_timestamp() - %s::interval",
            (_RESPONSES_KEPT,),
        )
        await cursor.executemany(
            """
            insert into net._http_response
                (id, status_code, content_type, headers, content, timed_out, error_msg, created)
            values (%s, %s, %s, %s, %s, %s, %s, clock_timestamp())
            """,
            [
                (
                    request.id,
                    response.status_code,
                    response.content_type,
                    None if response.headers is None else Jsonb(response.headers),
                    response.content,
                    response.timed_out,
                    response.error_msg,
                )
                for request, response in zip(requests, responses, strict=True)
            ],
        )
    return len(requests)


async def _send(client: httpx.AsyncClient, request: _Request) -> _Response:
    """Sends one request once. Whatever happens becomes a row, in the words that pg_net has for it."""
    began = time.monotonic()
    headers = {"User-Agent": _USER_AGENT, **(request.headers or {})}
    if request.method.upper() == "DELETE" and request.body is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    try:
        async with asyncio.timeout(request.timeout_milliseconds / 1000):
            answer = await client.request(
                request.method.upper(), request.url, headers=headers, content=request.body
            )
    except TimeoutError:
        spent = (time.monotonic() - began) * 1000
        return _Response(timed_out=True, error_msg=_timeout_text(request.timeout_milliseconds, spent))
    except httpx.UnsupportedProtocol:
        return _Response(error_msg="Unsupported protocol")
    except httpx.ConnectError as error:
        unknown_host = "Name or service not known" in str(error) or "name resolution" in str(error)
        return _Response(
            error_msg="Couldn't resolve host name" if unknown_host else "Couldn't connect to server"
        )
    except httpx.RemoteProtocolError:
        return _Response(error_msg="Server returned nothing (no headers, no data)")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _Response(error_msg=str(error) or type(error).__name__)
    return _Response(
        status_code=answer.status_code,
        # One value per name, the last one sent.
        headers=dict(answer.headers.multi_items()),
        content=answer.text.split("\0", 1)[0],
    )


def _timeout_text(limit_ms: int, spent_ms: float) -> str:
    # The client does not tell how the time was spent; a loopback address has no name to look up.
    parts = f"DNS time: 0 ms, TCP/SSL handshake time: 0 ms, HTTP Request/Response time: {spent_ms:.6f} ms"
    return f"Timeout of {limit_ms} ms reached. Total time: {spent_ms:.6f} ms ({parts})"
