"""Objects in buckets: bytes in files, everything about them in the database.

Buckets need no creating. Two kinds of name play a misconfiguration: `missing-…` does not exist,
`forbidden-…` exists and lets nobody in.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import google_crc32c

from functions_py.local.google.errors import GoogleError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LIFETIME_DAYS = 2
"""The lifecycle rule that every bucket has: what the owner of a real one is told to set."""

CHUNK_BYTES = 1024 * 1024

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class StoredObject:
    """One object. `md5` and `crc32c` are in base64 as Google writes them; `operation` is what made it, if one
    did.
    """

    bucket: str
    name: str
    generation: int
    size: int
    content_type: str
    md5: str
    crc32c: str
    created_at: float
    operation: str | None
    path: Path


@dataclass(frozen=True)
class Digest:
    """What is known of some bytes once they have been read through."""

    size: int
    md5: str
    crc32c: str


def check_bucket(bucket: str) -> None:
    """Raises GoogleError unless the bucket exists and is open to us."""
    if not _BUCKET_NAME.fullmatch(bucket):
        raise GoogleError(400, f"Invalid bucket name: '{bucket}'")
    if bucket.startswith("missing-"):
        raise GoogleError(404, "The specified bucket does not exist.")
    if bucket.startswith("forbidden-"):
        raise GoogleError(
            403,
            "The caller does not have storage access to the Google Cloud Storage bucket. Permission denied "
            "on resource (or it may not exist).",
        )


def check_writable(bucket: str) -> None:
    """Raises GoogleError 403 for a bucket called `readonly-…`."""
    if bucket.startswith("readonly-"):
        raise GoogleError(
            403, "The caller does not have storage.objects.create access to the Google Cloud Storage bucket."
        )


class Buckets:
    """The store. Objects older than two days are gone, as the lifecycle rule says."""

    def __init__(self, database: sqlite3.Connection, directory: Path) -> None:
        self._database = database
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    async def put_file(
        self, bucket: str, name: str, source: Path, content_type: str, operation: str | None
    ) -> StoredObject:
        """Stores a file that will not change any more, without copying it where the file system can link."""
        target = self._fresh_path()
        await asyncio.to_thread(_link_or_copy, source, target)
        digest = await asyncio.to_thread(digest_of, target)
        return self._record(bucket, name, target, digest, content_type, operation)

    async def put_stream(
        self, bucket: str, name: str, chunks: AsyncIterator[bytes], content_type: str
    ) -> StoredObject:
        """Stores what a client uploads, as it arrives; nothing is stored when it breaks off."""
        target = self._fresh_path()
        summing = Summing()
        try:
            with target.open("wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                    summing.update(chunk)
        except BaseException:
            target.unlink()
            raise
        return self._record(bucket, name, target, summing.digest(), content_type, operation=None)

    def get(self, bucket: str, name: str) -> StoredObject | None:
        self._expire()
        row = self._database.execute(
            "select * from objects where bucket = ? and name = ?", (bucket, name)
        ).fetchone()
        return self._object(row) if row else None

    def page(
        self, bucket: str, prefix: str, after: str, size: int, shown: Callable[[StoredObject], bool]
    ) -> tuple[list[StoredObject], str | None]:
        """Up to `size` objects in name order that begin with `prefix`, and the name to go on after, if any
        are left.
        """
        self._expire()
        rows = self._database.execute(
            "select * from objects where bucket = :bucket and name > :after and name >= :prefix"
            " and substr(name, 1, :length) = :prefix order by name",
            {"bucket": bucket, "after": after, "prefix": prefix, "length": len(prefix)},
        )
        page: list[StoredObject] = []
        for row in rows:
            candidate = self._object(row)
            if not shown(candidate):
                continue
            if len(page) == size:
                return page, page[-1].name
            page.append(candidate)
        return page, None

    def delete(self, stored: StoredObject) -> None:
        self._database.execute("delete from objects where generation = ?", (stored.generation,))
        stored.path.unlink(missing_ok=True)

    def _record(
        self, bucket: str, name: str, path: Path, digest: Digest, content_type: str, operation: str | None
    ) -> StoredObject:
        replaced = self.get(bucket, name)
        generation = int(path.name)
        self._database.execute(
            "insert or replace into objects values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(bucket, name, generation, digest.size, content_type, digest.md5, digest.crc32c),
                *(time.time(), operation),
            ),
        )
        if replaced:
            replaced.path.unlink(missing_ok=True)
        stored = self.get(bucket, name)
        assert stored is not None
        return stored

    def _fresh_path(self) -> Path:
        """A file named by the generation its object will have: microseconds, made unique by creating it."""
        generation = time.time_ns() // 1000
        while True:
            path = self._directory / str(generation)
            with contextlib.suppress(FileExistsError):
                path.touch(exist_ok=False)
                return path
            generation += 1

    def _expire(self) -> None:
        deadline = time.time() - LIFETIME_DAYS * 86_400
        for row in self._database.execute(
            "delete from objects where created_at < ? returning generation", (deadline,)
        ).fetchall():
            (self._directory / str(row["generation"])).unlink(missing_ok=True)

    def _object(self, row: sqlite3.Row) -> StoredObject:
        return StoredObject(**dict(row), path=self._directory / str(row["generation"]))


class Summing:
    """Google's two checksums over bytes that come in pieces."""

    def __init__(self) -> None:
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = google_crc32c.Checksum()  # type: ignore[no-untyped-call]

    def update(self, chunk: bytes) -> None:
        self._size += len(chunk)
        self._md5.update(chunk)
        self._crc32c.update(chunk)  # type: ignore[no-untyped-call]

    def digest(self) -> Digest:
        crc32c: bytes = self._crc32c.digest()  # type: ignore[no-untyped-call]
        return Digest(
            self._size, base64.b64encode(self._md5.digest()).decode(), base64.b64encode(crc32c).decode()
        )


def digest_of(path: Path) -> Digest:
    """Reads a file through."""
    summing = Summing()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            summing.update(chunk)
    return summing.digest()


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
