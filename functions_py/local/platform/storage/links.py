"""Making links: `POST /object/sign/…` for reading, `POST /object/upload/sign/…` for uploading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from functions_py.local.platform.storage.objects import (
    REHEARSED_VERSION,
    ObjectDraft,
    find_bucket,
    find_names,
    find_object,
)
from functions_py.local.platform.storage.service import (
    RequestBody,
    Storage,
    is_upsert,
    object_name,
    read_body,
)
from functions_py.local.platform.storage.uploads import rehearse
from functions_py.local.platform.storage.wire import StorageJSON

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

# What a Storage server grants that is not told otherwise; of hosted ones the documentation says two hours.
_UPLOAD_SECONDS = 60
_INVISIBLE = "Either the object does not exist or you do not have access to it"


class _SignBody(RequestBody):
    expiresIn: Annotated[int, Field(ge=1)]  # noqa: N815 - the wire's name


class _SignManyBody(_SignBody):
    paths: Annotated[list[str], Field(min_length=1, max_length=1000)]


async def sign(storage: Storage, request: Request) -> Response:
    """`POST /object/sign/{bucket}/{key}`; the caller must be able to read the object."""
    caller = storage.caller(request, "storage.object.sign")
    bucket, key = object_name(request)
    body = await read_body(request, _SignBody)
    async with storage.database.transaction(caller) as connection:
        await find_object(connection, bucket, key)
    return StorageJSON({"signedURL": _download_link(storage, f"{bucket}/{key}", body.expiresIn)})


async def sign_many(storage: Storage, request: Request) -> Response:
    """`POST /object/sign/{bucket}`; a path the caller cannot read has an error instead of a link."""
    caller = storage.caller(request, "storage.object.sign_many")
    bucket = request.path_params["bucket"]
    body = await read_body(request, _SignManyBody)
    async with storage.database.transaction(caller) as connection:
        visible = await find_names(connection, bucket, body.paths)
    return StorageJSON(
        [
            {
                "error": None if path in visible else _INVISIBLE,
                "path": path,
                "signedURL": _download_link(storage, f"{bucket}/{path}", body.expiresIn)
                if path in visible
                else None,
            }
            for path in body.paths
        ]
    )


async def sign_upload(storage: Storage, request: Request) -> Response:
    """`POST /object/upload/sign/{bucket}/{key}`; the caller must be able to upload this object now."""
    caller = storage.caller(request, "storage.object.sign_upload_url")
    bucket, key = object_name(request)
    upsert = is_upsert(request)
    async with storage.database.transaction(caller.as_service()) as connection:
        await find_bucket(connection, bucket)
    draft = ObjectDraft(bucket, key, REHEARSED_VERSION, caller.owner, metadata=None, user_metadata=None)
    await rehearse(storage, caller, draft, upsert=upsert)
    path = f"{bucket}/{key}"
    token = storage.signer.sign_upload(path, _UPLOAD_SECONDS, upsert=upsert, owner=caller.owner)
    return StorageJSON({"url": f"/object/upload/sign/{path}?token={token}", "token": token})


def _download_link(storage: Storage, path: str, seconds: int) -> str:
    return f"/object/sign/{path}?token={storage.signer.sign_download(path, seconds)}"
