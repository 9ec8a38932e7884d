"""A provider's stream into a file, counted and hashed on the way."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import google_crc32c

if TYPE_CHECKING:
    from pathlib import Path

    from worker.providers.base import ResultStream


class BadDownloadError(Exception):
    """What arrived is too large, cut off, of another type, or not what the provider stored."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    size: int
    sha256: str
    md5: str


class _Sink:
    """The file and its running digests. Every method blocks: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.sha256 = hashlib.sha256()
        # Not for security: Google and Storage name their copies by it.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = 0
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)
        self.sha256.update(chunk)
        self.md5.update(chunk)
        self._crc32c = google_crc32c.extend(self._crc32c, chunk)

    def close(self) -> None:
        self._file.close()

    @property
    def crc32c(self) -> bytes:
        """Big-endian, as Google writes it."""
        return int(self._crc32c).to_bytes(4, "big")


async def download(stream: ResultStream, path: Path, max_bytes: int) -> Downloaded:
    """Writes the stream to ``path``, one chunk in memory at a time.

    Raises BadDownloadError, and what the stream raises.
    """
    if stream.content_type is not None and not _may_be_video(stream.content_type):
        raise BadDownloadError(f"the provider calls it {stream.content_type}")
    if stream.size is not None and stream.size > max_bytes:
        raise BadDownloadError(f"{stream.size} bytes are above VIDEO_MAX_BYTES")
    sink = await asyncio.to_thread(_Sink, path)
    try:
        async for chunk in stream.chunks:
            if sink.size + len(chunk) > max_bytes:
                raise BadDownloadError("it is longer than VIDEO_MAX_BYTES")
            await asyncio.to_thread(sink.write, chunk)
    finally:
        await asyncio.to_thread(sink.close)
    _verify(stream, sink)
    return Downloaded(sink.size, sink.sha256.hexdigest(), sink.md5.hexdigest())


def _verify(stream: ResultStream, sink: _Sink) -> None:
    if stream.size is not None and sink.size != stream.size:
        raise BadDownloadError(f"{sink.size} bytes of {stream.size} arrived")
    if sink.size == 0:
        raise BadDownloadError("it is empty")
    if stream.crc32c is not None and sink.crc32c != stream.crc32c:
        raise BadDownloadError("its crc32c is not the provider's")
    if stream.md5 is not None and sink.md5.digest() != stream.md5:
        raise BadDownloadError("its md5 is not the provider's")


def _may_be_video(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    # The JSON API says octet-stream for an object that was stored without a type.
    return kind.startswith("video/") or kind == "application/octet-stream"
