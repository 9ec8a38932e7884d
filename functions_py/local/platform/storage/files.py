"""The bytes: one immutable file per version of an object, below `<state directory>/storage/`.

    objects/ab/abcdef12-…    content, named by version alone
    incoming/                being received; emptied when the process starts
    resumable/               resumable uploads that are under way

Names of objects are never used as paths: they may hold `..`, and a name may be a folder of another one.
Content is written under `incoming/` and moved into place when it is complete: a version is whole, or missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from functions_py.local.platform.storage.errors import no_such_key, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import TracebackType


CHUNK_BYTES = 256 * 1024
# Pieces are gathered to this size before a thread writes them: the switch costs more than 64 KiB do.
_WRITE_BYTES = 1024 * 1024
_VERSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of content once it is on disk."""

    size: int
    md5: str

    @property
    def etag(self) -> str:
        """Quoted, as headers and metadata carry it."""
        return f'"{self.md5}"'


class Files:
    """Storage's directory. Safe to use from several requests; blocking work runs in threads."""

    def __init__(self, directory: Path) -> None:
        self._objects = directory / "objects"
        self._incoming = directory / "incoming"
        self.resumable = directory / "resumable"
        # What an earlier process was receiving when it ended: no client can continue it.
        shutil.rmtree(self._incoming, ignore_errors=True)
        for path in (self._objects, self._incoming, self.resumable):
            path.mkdir(parents=True, exist_ok=True)

    def receive(self, version: str, limit: int | None) -> Incoming:
        """A writer for the content of a new version of at most `limit` bytes."""
        return Incoming(self._incoming / version, self._path(version), limit)

    async def adopt(self, file: Path, version: str) -> Stored:
        """Make a complete file the content of a version."""
        stored = await asyncio.to_thread(_measure, file)
        await asyncio.to_thread(_move, file, self._path(version))
        return stored

    async def link(self, version: str | None, new_version: str) -> None:
        """Give content a second version without copying it: it never changes.

        Raises StorageError no_such_key if there is none.
        """
        try:
            await asyncio.to_thread(_link, self._path(version), self._path(new_version))
        except FileNotFoundError:
            raise no_such_key() from None

    async def open(self, version: str | None) -> BinaryIO:
        """For reading; stays readable if it is deleted meanwhile. Raises StorageError no_such_key."""
        try:
            return await asyncio.to_thread(self._path(version).open, "rb")
        except FileNotFoundError:
            raise no_such_key() from None

    async def delete(self, *versions: str | None) -> None:
        """Versions that are not there, and rows that never had one, are passed over."""
        for version in versions:
            if version is not None:
                with contextlib.suppress(FileNotFoundError):
                    await asyncio.to_thread(self._path(version).unlink)

    def _path(self, version: str | None) -> Path:
        """Raises FileNotFoundError for what we never made: a row written by SQL may hold anything."""
        if version is None or not _VERSION.fullmatch(version):
            raise FileNotFoundError(f"no content has version {version}")
        return self._objects / version[:2] / version


class Incoming:
    """Content that is being received. Use it as a context manager: what is not kept is deleted.

    After the limit is passed it takes further pieces and drops them, so that a client is heard out and reads
    the refusal; most see a broken connection otherwise.
    """

    def __init__(self, temporary: Path, final: Path, limit: int | None) -> None:
        self._temporary = temporary
        self._final = final
        self._limit = limit
        self._size = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._pending = bytearray()
        self._file: BinaryIO | None = None

    async def __aenter__(self) -> Self:
        self._file = await asyncio.to_thread(self._temporary.open, "xb")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    @property
    def is_too_large(self) -> bool:
        """Whether more came than the limit allows."""
        return self._limit is not None and self._size > self._limit

    async def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self._size += len(piece)
        if self.is_too_large:
            self._pending.clear()
            return
        self._pending += piece
        if len(self._pending) >= _WRITE_BYTES:
            await self._flush()

    async def keep(self) -> Stored:
        """The content is complete: move it into place. Raises StorageError too_large."""
        if self.is_too_large or self._file is None:
            raise too_large()
        await self._flush()
        self._file.close()
        await asyncio.to_thread(_move, self._temporary, self._final)
        return Stored(self._size, self._digest.hexdigest())

    async def _flush(self) -> None:
        if self._file is not None and self._pending:
            pending, self._pending = self._pending, bytearray()
            await asyncio.to_thread(_write, self._file, self._digest, pending)


async def read_range(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    """`length` bytes from `start`, in pieces; closes the file, also if the reader goes away."""
    try:
        await asyncio.to_thread(file.seek, start)
        while length > 0:
            piece = await asyncio.to_thread(file.read, min(CHUNK_BYTES, length))
            if not piece:
                return
            length -= len(piece)
            yield piece
    finally:
        file.close()


def _write(file: BinaryIO, digest: hashlib._Hash, content: bytearray) -> None:
    digest.update(content)
    file.write(content)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    source.replace(target)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    os.link(source, target)


def _measure(file: Path) -> Stored:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False))
    return Stored(file.stat().st_size, digest.hexdigest())
