"""Supabase Storage over its HTTP API, streamed.

Not through supabase-py: its upload reads the file blocking inside the event loop, and its download returns
the whole object.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from worker.contract import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import BinaryIO

T = TypeVar("T", bound=Row)

CHUNK_BYTES: Final = 1024 * 1024
# The paths are unique per task and never written with other content.
CACHE_CONTROL: Final = "max-age=31536000"
# A public copy may be taken down: caches forget it within the hour.
COPY_CACHE_CONTROL: Final = "max-age=3600"


class StorageError(Exception):
    """Storage refused or could not be reached; the text holds its code and message."""


class ObjectMissingError(StorageError):
    """No such object (or bucket)."""


class ObjectTooLargeError(StorageError):
    """The object is above the caller's limit."""


class ObjectInfo(Row):
    size: int
    etag: str | None = None
    content_type: str | None = None


class BucketInfo(Row):
    public: bool
    file_size_limit: int | None = None
    allowed_mime_types: list[str] | None = None


class SupabaseStorage:
    """Every method raises StorageError. Time limits are per network step; the caller bounds the whole."""

    def __init__(self, supabase_url: str, secret_key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{supabase_url}/storage/v1",
            headers={"apikey": secret_key, "authorization": f"Bearer {secret_key}"},
            # Storage answers an upload only after it has written the file.
            timeout=httpx.Timeout(60, connect=10),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, bucket: str, path: str, max_bytes: int) -> bytes:
        """A whole object of at most ``max_bytes``; stops reading as soon as it is longer."""
        content = bytearray()
        try:
            async with self._client.stream("GET", _url("authenticated/", bucket, path)) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(response)
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > max_bytes:
                        raise ObjectTooLargeError(f"{bucket}/{path} is above {max_bytes} bytes")
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return bytes(content)

    async def info(self, bucket: str, path: str) -> ObjectInfo | None:
        """Size and etag of a stored object, or None."""
        request = self._client.build_request("GET", _url("info/", bucket, path))
        try:
            response = await self._send(request)
        except ObjectMissingError:
            return None
        return _parse(ObjectInfo, response)

    async def upload_file(self, bucket: str, path: str, file: Path, size: int, content_type: str) -> None:
        """Streams a file up, over whatever is there, in bounded memory."""
        await self._upload(bucket, path, _read_chunks(file), size, content_type)

    async def upload_bytes(self, bucket: str, path: str, content: bytes, content_type: str) -> None:
        await self._upload(bucket, path, content, len(content), content_type)

    async def copy(self, source_bucket: str, source_path: str, bucket: str, path: str) -> None:
        """Copies an object, over whatever is there, without its bytes passing through here."""
        source = await self.info(source_bucket, source_path)
        if source is None:
            raise ObjectMissingError(f"{source_bucket}/{source_path} is not there")
        body = {
            "bucketId": source_bucket,
            "sourceKey": source_path,
            "destinationBucket": bucket,
            "destinationKey": path,
            "copyMetadata": False,
            "metadata": {
                "mimetype": source.content_type or "application/octet-stream",
                "cacheControl": COPY_CACHE_CONTROL,
            },
        }
        headers = {"x-upsert": "true"}
        await self._send(self._client.build_request("POST", "/object/copy", json=body, headers=headers))

    async def delete(self, bucket: str, path: str) -> None:
        """Deletes an object; one that is not there is deleted.

        The batch endpoint, because it skips what is missing instead of failing.
        """
        url = f"/object/{quote(bucket, safe='')}"
        await self._send(self._client.build_request("DELETE", url, json={"prefixes": [path]}))

    async def bucket(self, name: str) -> BucketInfo:
        request = self._client.build_request("GET", f"/bucket/{quote(name, safe='')}")
        return _parse(BucketInfo, await self._send(request))

    async def _upload(
        self, bucket: str, path: str, content: AsyncIterator[bytes] | bytes, size: int, content_type: str
    ) -> None:
        headers = {
            "content-type": content_type,
            # Said outright: a stream sent in chunks could not be checked against the limit first.
            "content-length": str(size),
            "cache-control": CACHE_CONTROL,
            "x-upsert": "true",
        }
        url = _url("", bucket, path)
        await self._send(self._client.build_request("POST", url, content=content, headers=headers))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._client.send(request)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        if response.status_code != 200:
            raise _error(response)
        return response


def _url(kind: str, bucket: str, path: str) -> str:
    return f"/object/{kind}{quote(bucket, safe='')}/{quote(path, safe='/')}"


def _parse(shape: type[T], response: httpx.Response) -> T:
    try:
        return shape.model_validate_json(response.content)
    except ValidationError as error:
        raise StorageError(f"Storage gave an answer of an unknown shape: {response.text[:300]}") from error


def _error(response: httpx.Response) -> StorageError:
    """Storage answers 400 for nearly everything; the true status is text in the body."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    status = str(body.get("statusCode") or response.status_code) if isinstance(body, dict) else "?"
    message = str(body.get("message") or "") if isinstance(body, dict) else ""
    text = f"Storage answered {status}: {message[:300]}"
    return ObjectMissingError(text) if status == "404" else StorageError(text)


def _unreachable(error: httpx.HTTPError) -> StorageError:
    return StorageError(f"Storage could not be reached: {type(error).__name__} {error}".strip())


async def _read_chunks(file: Path) -> AsyncIterator[bytes]:
    handle: BinaryIO = await asyncio.to_thread(file.open, "rb")
    try:
        while chunk := await asyncio.to_thread(handle.read, CHUNK_BYTES):
            yield chunk
    finally:
        handle.close()
