"""Resumable uploads that are under way, kept in files so that a restart loses nothing."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self
from uuid import UUID

from functions_py.local.platform.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_LIFETIME_SECONDS = 24 * 3600
_WRITE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadId:
    """Bucket, name and the version the object will have; in URLs as one word."""

    bucket: str
    name: str
    version: str

    @classmethod
    def parse(cls, word: str) -> Self:
        """Raises StorageError 404 for what is no id of ours."""
        try:
            path = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode()
            bucket, _, rest = path.partition("/")
            name, _, version = rest.rpartition("/")
            # Becomes a file name below, so it has to be one we could have made.
            return cls(bucket, name, str(UUID(version)))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _not_found() from None

    def __str__(self) -> str:
        path = f"{self.bucket}/{self.name}/{self.version}"
        return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class ResumableUpload:
    """An upload as it was announced; `offset` says how much has arrived."""

    bucket: str
    name: str
    version: str
    length: int
    metadata: dict[str, str]
    created_at: float
    is_complete: bool = False
    offset: int = 0

    @property
    def id(self) -> UploadId:
        """Its id in URLs."""
        return UploadId(self.bucket, self.name, self.version)


class ResumableUploads:
    """The directory of uploads. One writer at a time per upload."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._busy: set[str] = set()
        for file in directory.glob("*.json"):
            if file.stat().st_mtime < time.time() - _LIFETIME_SECONDS:
                file.unlink()
                file.with_suffix(".part").unlink(missing_ok=True)

    def create(self, upload_id: UploadId, length: int, metadata: dict[str, str]) -> ResumableUpload:
        """Announce an upload of `length` bytes."""
        upload = ResumableUpload(
            upload_id.bucket, upload_id.name, upload_id.version, length, metadata, time.time()
        )
        self.content_file(upload).touch()
        self._save(upload)
        return upload

    def find(self, upload_id: UploadId) -> ResumableUpload:
        """Raises StorageError: 404, or 410 once it is too old."""
        try:
            content = self._state_file(upload_id.version).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise _not_found() from None
        upload = ResumableUpload(**json.loads(content))
        if upload.id != upload_id:
            raise _not_found()
        if upload.created_at < time.time() - _LIFETIME_SECONDS:
            self.delete(upload)
            raise StorageError(410, "TusError", "The file for this url no longer exists")
        if upload.is_complete:
            return replace(upload, offset=upload.length)
        try:
            return replace(upload, offset=self.content_file(upload).stat().st_size)
        except FileNotFoundError:
            # It was complete, but its row could not be written.
            self.delete(upload)
            raise _not_found() from None

    def finish(self, upload: ResumableUpload) -> None:
        """Remember that it is complete: a client that missed the last answer asks again."""
        self._save(replace(upload, is_complete=True))

    def delete(self, upload: ResumableUpload) -> None:
        """Forget an upload and what has arrived of it."""
        self.content_file(upload).unlink(missing_ok=True)
        self._state_file(upload.version).unlink(missing_ok=True)

    def content_file(self, upload: ResumableUpload) -> Path:
        """What has arrived; gone once it has become an object."""
        return self._directory / f"{upload.version}.part"

    @contextmanager
    def exclusive(self, upload_id: UploadId) -> Iterator[None]:
        """Raises StorageError 409 while somebody else writes."""
        if upload_id.version in self._busy:
            raise StorageError(409, "TusError", "Another request is writing to this upload")
        self._busy.add(upload_id.version)
        try:
            yield
        finally:
            self._busy.discard(upload_id.version)

    async def append(self, upload: ResumableUpload, pieces: AsyncIterator[bytes]) -> int:
        """Add to what has arrived; the new offset. Whatever arrived stays, also if the client goes away.

        Raises StorageError 413 if more comes than was announced.
        """
        offset = upload.offset
        file = await asyncio.to_thread(self.content_file(upload).open, "ab")
        pending = bytearray()
        try:
            async for piece in pieces:
                if offset + len(pending) + len(piece) > upload.length:
                    raise StorageError(413, "TusError", "upload's size exceeded")
                pending += piece
                if len(pending) >= _WRITE_BYTES:
                    offset += len(pending)
                    full, pending = pending, bytearray()
                    await asyncio.to_thread(file.write, full)
        finally:
            with file:
                file.write(pending)
        return offset + len(pending)

    def _save(self, upload: ResumableUpload) -> None:
        state = asdict(upload)
        del state["offset"]
        file = self._state_file(upload.version)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(file)

    def _state_file(self, version: str) -> Path:
        return self._directory / f"{version}.json"


def _not_found() -> StorageError:
    return StorageError(404, "TusError", "The file for this url was not found")
