"""pg_net's stand-in does to a request what pg_net 0.20.4 was seen to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import pytest_asyncio

from tests.support.database import connect
from tests.support.stacks import own_platform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.database import Connection


class Server:
    """A web server that remembers what arrived: status 500 for /bad, no answer for /hang."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        await self.arrived.put(head + await reader.readexactly(length))
        if b" /hang " not in head:
            status = b"500 Broken" if b" /bad " in head else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-type: text/plain\r\nx-a: 1\r\nx-a: 2\r\n")
            writer.write(b"content-length: 5\r\nconnection: close\r\n\r\nhello")
            await writer.drain()
        else:
            # Until the caller gives up.
            await reader.read()
        writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server.handle, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


async def response(postgres: Connection, request_id: int) -> dict[str, Any]:
    """The stored response, once it is there; the queue no longer holds the request then."""
    for _ in range(300):
        row = await (
            await postgres.execute("select * from net._http_response where id = %s", (request_id,))
        ).fetchone()
        if row is not None:
            return row
        await asyncio.sleep(0.05)
    raise AssertionError("no response")


async def queue(connection: Connection, function: str, *arguments: object) -> int:
    """Calls one of net's functions and returns the request's id."""
    places = ", ".join(["%s"] * len(arguments))
    row = await (await connection.execute(f"select net.{function}({places}) as id", arguments)).fetchone()
    assert row is not None
    return int(row["id"])


async def test_a_request_is_sent_after_commit_and_never_before(postgres: Connection, server: Server) -> None:
    async with postgres.transaction():
        request_id = await queue(postgres, "http_post", server.url + "/a", '{"b": 1}', '{"q": "x y&ü"}')
        # Longer than the delivery's poll.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(server.arrived.get(), 1.5)
    arrived = await asyncio.wait_for(server.arrived.get(), 5)
    assert arrived.startswith(b"POST /a?q=x%20y%26%C3%BC HTTP/1.1\r\n")
    assert arrived.endswith(b'\r\n\r\n{"b": 1}')
    assert b"content-type: application/json\r\n" in arrived.lower()
    assert b"user-agent: pg_net/0.20.4\r\n" in arrived.lower()
    stored = await response(postgres, request_id)
    assert (stored["status_code"], stored["content"], stored["content_type"]) == (200, "hello", "text/plain")
    assert (stored["timed_out"], stored["error_msg"], stored["headers"]["x-a"]) == (False, None, "2")


async def test_a_rolled_back_request_is_never_sent(postgres: Connection, server: Server) -> None:
    async with postgres.transaction(force_rollback=True):
        rolled_back = await queue(postgres, "http_post", server.url + "/rolled-back")
    kept = await queue(postgres, "http_get", server.url + "/kept")
    assert kept > rolled_back
    assert b" /kept " in await asyncio.wait_for(server.arrived.get(), 5)


async def test_an_error_status_is_an_ordinary_response(postgres: Connection, server: Server) -> None:
    stored = await response(postgres, await queue(postgres, "http_get", server.url + "/bad"))
    assert (stored["status_code"], stored["error_msg"]) == (500, None)


async def test_a_request_that_takes_too_long_says_so(postgres: Connection, server: Server) -> None:
    request_id = await queue(postgres, "http_get", server.url + "/hang", "{}", "{}", 300)
    stored = await response(postgres, request_id)
    assert (stored["status_code"], stored["timed_out"]) == (None, True)
    assert stored["error_msg"].startswith("Timeout of 300 ms reached. Total time: ")


async def test_a_refused_connection_says_so(postgres: Connection) -> None:
    stored = await response(postgres, await queue(postgres, "http_post", "http://127.0.0.1:1/"))
    assert (stored["status_code"], stored["timed_out"]) == (None, False)
    assert stored["error_msg"] == "Couldn't connect to server"


async def test_a_slow_request_delays_the_answers_of_its_batch(postgres: Connection, server: Server) -> None:
    async with postgres.transaction():
        slow = await queue(postgres, "http_get", server.url + "/hang", "{}", "{}", 1000)
        fast = await queue(postgres, "http_get", server.url + "/fast")
    await asyncio.wait_for(server.arrived.get(), 5)
    await asyncio.wait_for(server.arrived.get(), 5)
    pending = await (await postgres.execute("select id from net.http_request_queue order by id")).fetchall()
    assert [row["id"] for row in pending] == [slow, fast]
    slow_response, fast_response = await response(postgres, slow), await response(postgres, fast)
    assert fast_response["created"] >= slow_response["created"]


async def test_a_post_must_be_json_and_a_url_is_required(postgres: Connection, server: Server) -> None:
    headers = '{"content-type": "text/plain"}'
    with pytest.raises(
        psycopg.errors.RaiseException, match=r'^Content-Type header must be "application/json"'
    ):
        await queue(postgres, "http_post", server.url, "{}", "{}", headers)
    with pytest.raises(psycopg.errors.NotNullViolation):
        await queue(postgres, "http_post", None)


async def test_delivery_goes_on_after_the_database_was_killed(server: Server) -> None:
    with own_platform("platform") as own:
        own.restart_postgres(crash=True)
        async with connect(own) as postgres:
            await postgres.execute("select net.wait_until_running()")
            await queue(postgres, "http_get", server.url + "/after")
            assert b" /after " in await asyncio.wait_for(server.arrived.get(), 10)
