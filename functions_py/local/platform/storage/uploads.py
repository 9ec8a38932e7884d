"""Uploading in one request: `POST` and `PUT /object/…`, and `PUT` to a signed link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from functions_py.local.platform.storage.caller import Caller
from functions_py.local.platform.storage.content import RequestContent
from functions_py.local.platform.storage.errors import StorageError, invalid_mime_type, invalid_request
from functions_py.local.platform.storage.objects import (
    REHEARSED_VERSION,
    ObjectDraft,
    find_bucket,
    insert_object,
    upsert_object,
)
from functions_py.local.platform.storage.service import Storage, is_upsert, object_name
from functions_py.local.platform.storage.wire import StorageJSON, iso, now

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from functions_py.local.platform.storage.content import Upload
    from functions_py.local.platform.storage.database import Row
    from functions_py.local.platform.storage.files import Stored


async def create(storage: Storage, request: Request) -> Response:
    """`POST /object/{bucket}/{key}`; overwrites only with `x-upsert: true`."""
    caller = storage.caller(request, "storage.object.upload")
    row = await _receive(storage, request, caller, caller.owner, upsert=is_upsert(request))
    return StorageJSON({"Key": f"{row['bucket_id']}/{row['name']}", "Id": str(row["id"])})


async def update(storage: Storage, request: Request) -> Response:
    """`PUT /object/{bucket}/{key}`; overwrites, and creates what is not there."""
    caller = storage.caller(request, "storage.object.upload_update")
    row = await _receive(storage, request, caller, caller.owner, upsert=True)
    return StorageJSON({"Key": f"{row['bucket_id']}/{row['name']}", "Id": str(row["id"])})


async def create_by_link(storage: Storage, request: Request) -> Response:
    """`PUT /object/upload/sign/{bucket}/{key}?token=…`; the link is the right."""
    bucket, key = object_name(request)
    token = request.query_params.get("token")
    if token is None:
        raise invalid_request("querystring must have required property 'token'")
    grant = storage.signer.verify(token, f"{bucket}/{key}", "upload")
    caller = Caller.service(request, "storage.object.upload_signed")
    row = await _receive(storage, request, caller, grant.owner, upsert=grant.upsert)
    return StorageJSON({"Key": f"{row['bucket_id']}/{row['name']}"})


async def _receive(
    storage: Storage, request: Request, caller: Caller, owner: str | None, *, upsert: bool
) -> Row:
    content = RequestContent(request)
    try:
        return await _store(storage, request, content, caller, owner, upsert=upsert)
    except StorageError:
        await content.discard()
        raise


async def _store(
    storage: Storage,
    request: Request,
    content: RequestContent,
    caller: Caller,
    owner: str | None,
    *,
    upsert: bool,
) -> Row:
    """Judge the upload by what is known before its content, then receive it, then write its row."""
    bucket_id, key = object_name(request)
    async with storage.database.transaction(caller.as_service()) as connection:
        bucket = await find_bucket(connection, bucket_id)
    upload = await content.open()
    check_mime_type(upload.mime_type, bucket["allowed_mime_types"])
    await rehearse(
        storage,
        caller,
        ObjectDraft(
            bucket_id, key, REHEARSED_VERSION, owner, upload.rehearsed_metadata(), upload.user_metadata
        ),
        upsert=upsert,
    )
    version = str(uuid4())
    stored = await _write(storage, version, bucket["file_size_limit"], upload)
    metadata = stored_metadata(stored, upload.mime_type, upload.cache_control, now())
    return await storage.write_row(
        caller, ObjectDraft(bucket_id, key, version, owner, metadata, upload.user_metadata)
    )


async def _write(storage: Storage, version: str, limit: int | None, upload: Upload) -> Stored:
    async with storage.files.receive(version, limit) as incoming:
        async for piece in upload.content:
            await incoming.write(piece)
        return await incoming.keep()


async def rehearse(storage: Storage, caller: Caller, draft: ObjectDraft, *, upsert: bool) -> None:
    """Find out whether the caller may write this object: writes its row as the caller and rolls back.

    Raises StorageError: access_denied, or already_exists without `upsert`.
    """
    async with storage.database.rehearsal(caller) as connection:
        if upsert:
            await upsert_object(connection, draft)
        else:
            await insert_object(connection, draft)


def check_mime_type(mime_type: str, allowed: list[str] | None) -> None:
    """Judges the declared type, never the content. Raises StorageError invalid_mime_type."""
    if not allowed:
        return
    kind, _, subtype = mime_type.partition("/")
    for pattern in allowed:
        allowed_kind, _, allowed_subtype = pattern.partition("/")
        if subtype and kind == allowed_kind and allowed_subtype in ("*", subtype):
            return
    raise invalid_mime_type(mime_type)


def stored_metadata(
    stored: Stored, mime_type: str, cache_control: str, modified_at: datetime
) -> dict[str, Any]:
    """The `metadata` of an object that is complete."""
    return {
        "eTag": stored.etag,
        "size": stored.size,
        "mimetype": mime_type,
        "cacheControl": cache_control,
        "lastModified": iso(modified_at),
        "contentLength": stored.size,
        "httpStatusCode": 200,
    }
