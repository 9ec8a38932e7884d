"""The road to PostgREST: everything passes through as it is, and as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from functions_py.local.platform.proxy import RestProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from functions_py.local.stack import Stack
    from tests.contract.auth_http import AuthApi

_MEGABYTE = 1024 * 1024


class Upstream:
    """Plays PostgREST: remembers what it was sent and answers as told."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.first_piece_arrived = asyncio.Event()
        self.digest = hashlib.sha256()
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.scope = dict(scope)
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        more = True
        while more:
            message = await receive()
            self.digest.update(message.get("body", b""))
            self.first_piece_arrived.set()
            more = message.get("more_body", False)
        headers = [
            (b"content-range", b"0-1/2"),
            (b"preference-applied", b"count=exact"),
            (b"connection", b"x-hop"),
            (b"x-hop", b"for this hop only"),
        ]
        await send({"type": "http.response.start", "status": 206, "headers": headers})
        for piece in (b"first,", b"second,"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await self.may_end.wait()
        await send({"type": "http.response.body", "body": b"third"})


@pytest_asyncio.fixture
async def upstream() -> Upstream:
    """The other end."""
    found = Upstream()
    found.may_end.set()
    return found


@pytest_asyncio.fixture
async def http(upstream: Upstream) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy, both ends on real sockets."""
    async with contextlib.AsyncExitStack() as exits:
        behind = await exits.enter_async_context(_serving(upstream))
        proxy = RestProxy(behind)
        exits.push_async_callback(proxy.aclose)
        url = await exits.enter_async_context(_serving(Starlette(routes=[Mount("/rest/v1", app=proxy)])))
        yield await exits.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=10))


async def test_path_and_query_arrive_letter_by_letter(http: httpx.AsyncClient, upstream: Upstream) -> None:
    query = 'select=id,"a%20b"&or=(name.eq.%22x%2Cy%22,id.in.(1,2))&n=eq.a+b%2Bc&empty='
    target = f"/rest/v1/rpc/f%C3%BCr?{query}".encode()
    await http.get("/", extensions={"target": target})
    assert upstream.scope["raw_path"] == b"/rpc/f%C3%BCr"
    assert upstream.scope["query_string"] == query.encode()


async def test_headers_pass_but_those_of_the_hop(http: httpx.AsyncClient, upstream: Upstream) -> None:
    sent = {
        "accept-profile": "api",
        "prefer": "count=exact, tx=rollback",
        "range": "0-1",
        "authorization": "Bearer x",
        "apikey": "k",
        "user-agent": "mine",
        "x-forwarded-for": "203.0.113.7",
        "connection": "keep-alive, x-mine",
        "x-mine": "for this hop only",
    }
    answer = await http.get("/rest/v1/videos", headers=sent)

    passed = set(sent) - {"connection", "x-mine", "x-forwarded-for"}
    assert {name: upstream.headers.get(name) for name in passed} == {name: sent[name] for name in passed}
    assert "x-mine" not in upstream.headers
    # The caller's own address is the last of the chain; what stands before it is his claim.
    assert upstream.headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert answer.status_code == 206
    assert answer.headers["content-range"] == "0-1/2"
    assert answer.headers["preference-applied"] == "count=exact"
    assert "x-hop" not in answer.headers
    assert len(answer.headers.get_list("date")) == 1
    assert answer.text == "first,second,third"


async def test_a_large_body_is_passed_on_while_it_comes(http: httpx.AsyncClient, upstream: Upstream) -> None:
    piece = bytes(range(256)) * 4096
    expected = hashlib.sha256()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(32):
            if number == 1:
                # Nothing more is sent before the other end has something.
                await asyncio.wait_for(upstream.first_piece_arrived.wait(), 10)
            expected.update(piece)
            yield piece

    await http.post("/rest/v1/rpc/f", content=pieces(), headers={"content-length": str(32 * _MEGABYTE)})

    assert upstream.headers["content-length"] == str(32 * _MEGABYTE)
    assert upstream.digest.digest() == expected.digest()


async def test_an_answer_is_passed_on_while_it_comes(http: httpx.AsyncClient, upstream: Upstream) -> None:
    upstream.may_end.clear()
    async with http.stream("GET", "/rest/v1/videos") as answer:
        pieces = answer.aiter_raw()
        assert await asyncio.wait_for(anext(pieces), 10) == b"first,"
        upstream.may_end.set()
        assert b"".join([piece async for piece in pieces]) == b"second,third"


async def test_a_body_without_length_stays_one(http: httpx.AsyncClient, upstream: Upstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"[1,"
        yield b"2]"

    await http.post("/rest/v1/rpc/f", content=pieces())

    assert "content-length" not in upstream.headers
    assert upstream.digest.digest() == hashlib.sha256(b"[1,2]").digest()


async def test_while_postgrest_is_away_the_answer_is_503() -> None:
    proxy = RestProxy("http://127.0.0.1:9")
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/rest/v1", app=proxy)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as http:
        answer = await http.get("/rest/v1/videos")
    await proxy.aclose()
    # A status on which the client libraries try a read again.
    assert answer.status_code == 503
    assert answer.json() == {"message": "The upstream server is currently unavailable"}


async def test_a_connection_that_breaks_off_is_answered_with_502() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    proxy = RestProxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/rest/v1", app=proxy)]))
    async with server, httpx.AsyncClient(transport=transport, base_url="http://proxy") as http:
        answer = await http.post("/rest/v1/rpc/generate_video", json={})
    await proxy.aclose()
    # Not 503: the call may have been carried out.
    assert answer.status_code == 502


async def test_postgrest_answers_through_it(stack: Stack, auth: AuthApi) -> None:
    answer = await auth.http.get(
        "/rest/v1/video_models?select=id&order=id&limit=1",
        headers={"apikey": stack.env["SECRET_KEY"], "prefer": "count=exact"},
    )
    missing = await auth.http.get("/rest/v1/nowhere", headers={"apikey": stack.env["SECRET_KEY"]})
    head = await auth.http.head(
        "/rest/v1/video_models?select=id",
        headers={"apikey": stack.env["SECRET_KEY"], "prefer": "count=exact"},
    )
    assert answer.status_code == 206, answer.text
    assert answer.headers["content-range"].startswith("0-0/")
    assert missing.status_code == 404
    assert missing.json()["code"] in {"42P01", "PGRST205"}
    assert head.headers["content-range"].split("/")[1] == answer.headers["content-range"].split("/")[1]
    assert head.content == b""


@contextlib.asynccontextmanager
async def _serving(application: ASGIApp | Upstream) -> AsyncIterator[str]:
    """Serves an application on a free port of this machine; gives its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, log_level="error", lifespan="off", ws="none", access_log=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
