"""The service that worker/providers/template talks to; a prompt says what it has to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from functions_py.local.google.films import Films, FilmSpec
from tests.contract.provider_suite import Situation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REFUSALS: Final = {
    Situation.QUOTA_EXCEEDED: 429,
    Situation.OVERLOADED: 503,
    Situation.INVALID: 400,
    Situation.FORBIDDEN: 403,
    Situation.MODEL_RETIRED: 410,
    Situation.INTERNAL_ERROR: 500,
    Situation.BAD_GATEWAY: 502,
}
ENDS: Final = {
    Situation.FILTERS: "blocked",
    Situation.FINDS_THE_IMAGE_UNSAFE: "blocked",
    Situation.FAILS_INSIDE: "broken",
    Situation.TOO_BUSY_INSIDE: "overloaded",
    Situation.ENDS_WITHOUT_A_CLIP: "failed",
    Situation.NEVER_FINISHES: "working",
}


class _NoAnswerError(Exception):
    """The connection ends without an answer: by us, or by a client that has waited long enough."""

    def __init__(self, *, by_client: bool) -> None:
        super().__init__()
        self.by_client = by_client


@dataclass
class _Clip:
    situation: Situation
    file: str
    polls: int = 0


@dataclass
class TemplateService:
    """What it was asked, and what it keeps."""

    url: str
    film: bytes
    prompts: list[str] = field(default_factory=list)
    """Of every order that arrived."""
    _clips: dict[str, _Clip] = field(default_factory=dict)
    _files: dict[str, Situation] = field(default_factory=dict)

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes | dict[str, Any]]:
        """Status and body. Raises _NoAnswerError."""
        address = urlsplit(target)
        name = address.path.removeprefix("/").partition("/")[2]
        if method == "POST":
            return await self._order(json.loads(body))
        if address.path.startswith("/clips/"):
            return self._poll(name)
        if method == "DELETE":
            return (204, b"") if self._files.pop(name, None) else (404, {"message": "No such file."})
        if name:
            return self._read(name)
        (folder,) = parse_qs(address.query)["folder"]
        return 200, {"files": [file for file in self._files if file.startswith(folder)]}

    async def _order(self, order: dict[str, Any]) -> tuple[int, bytes | dict[str, Any]]:
        self.prompts.append(order["prompt"])
        situation = Situation(order["prompt"].rpartition("[")[2].rstrip("]"))
        if situation is Situation.BAD_GATEWAY:
            return 502, b"<html>Bad gateway</html>"
        if situation in REFUSALS:
            return REFUSALS[situation], {"message": f"The order ends with {situation}."}
        if situation is Situation.NEVER_ANSWERS:
            raise _NoAnswerError(by_client=True)
        if situation is Situation.EMPTY_ANSWER:
            return 200, b""
        if situation is Situation.DROPS_AND_MAKES_NOTHING:
            raise _NoAnswerError(by_client=False)
        clip = _Clip(situation, f"{order['folder']}clip.mp4")
        operation_id = uuid.uuid4().hex
        self._clips[operation_id] = clip
        if situation not in ENDS:
            self._files[clip.file] = situation
        if situation is Situation.DROPS_BUT_MAKES_A_CLIP:
            raise _NoAnswerError(by_client=False)
        return 201, {"id": operation_id}

    def _poll(self, operation_id: str) -> tuple[int, dict[str, Any]]:
        clip = self._clips.get(operation_id)
        if clip is None:
            return 404, {"message": "No such clip."}
        clip.polls += 1
        if clip.polls == 1 and clip.situation is Situation.POLLS_FAIL:
            return 503, {"message": "Try again."}
        state = ENDS.get(clip.situation, "ready")
        filters = ["violence"] if state == "blocked" else []
        return 200, {"state": state, "file": clip.file, "message": f"It is {state}.", "filters": filters}

    def _read(self, name: str) -> tuple[int, bytes | dict[str, Any]]:
        if self._files.get(name, Situation.FILE_IS_MISSING) is Situation.FILE_IS_MISSING:
            return 404, {"message": "No such file."}
        return 200, self.film

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection: enough HTTP to be cut off in the middle of it."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await self._serve(reader, writer)
            except _NoAnswerError as error:
                if error.by_client:
                    await reader.read()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.lower().split("\r\n") if "content-length:" in line]
        method, target, _ = head.split(" ", 2)
        body = await reader.readexactly(int(lengths[0]) if lengths else 0)
        status, content = await self.answer(method, target, body)
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = f"HTTP/1.1 {status} X\r\ncontent-length: {len(payload)}\r\nconnection: close\r\n\r\n"
        is_cut = self._files.get(target.removeprefix("/files/")) is Situation.FILE_IS_CUT
        writer.write(answer.encode() + (payload[: len(payload) // 2] if is_cut else payload))
        await writer.drain()


@contextlib.asynccontextmanager
async def template_service(directory: Path) -> AsyncIterator[TemplateService]:
    """Runs the service; its one film, 4 s of 720p, is made in the directory."""
    film = await Films(directory).make(FilmSpec(seconds=4, width=1280, height=720))
    service = TemplateService("", await asyncio.to_thread(film.read_bytes))
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        server.close()
