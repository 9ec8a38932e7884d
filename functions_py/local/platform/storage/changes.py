"""Changing what is stored: move, copy, and delete one object or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

from pydantic import Field

from functions_py.local.platform.storage.database import become
from functions_py.local.platform.storage.errors import access_denied
from functions_py.local.platform.storage.objects import (
    REHEARSED_VERSION,
    ObjectDraft,
    delete_objects,
    find_bucket,
    find_object,
    lock_name,
    rename_object,
)
from functions_py.local.platform.storage.service import (
    RequestBody,
    Storage,
    check_key,
    is_upsert,
    object_name,
    read_body,
)
from functions_py.local.platform.storage.uploads import rehearse
from functions_py.local.platform.storage.wire import StorageJSON, iso, now, object_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class _CopiedMetadata(RequestBody):
    cacheControl: str | None = None  # noqa: N815 - the wire's names
    mimetype: str | None = None


class _TransferBody(RequestBody):
    bucketId: str  # noqa: N815 - the wire's names
    sourceKey: str  # noqa: N815
    destinationKey: str  # noqa: N815
    destinationBucket: str | None = None  # noqa: N815
    copyMetadata: bool = True  # noqa: N815
    metadata: _CopiedMetadata = _CopiedMetadata()


class _DeleteBody(RequestBody):
    prefixes: Annotated[list[str], Field(min_length=1, max_length=1000)]


async def move(storage: Storage, request: Request) -> Response:
    """`POST /object/move`; needs the rights to select and update."""
    caller = storage.caller(request, "storage.object.move")
    body = await read_body(request, _TransferBody)
    check_key(body.destinationKey)
    bucket = body.destinationBucket or body.bucketId
    version = str(uuid4())
    draft = ObjectDraft(bucket, body.destinationKey, version, caller.owner, metadata=None, user_metadata=None)
    async with storage.database.rehearsal(caller) as connection:
        await find_object(connection, body.bucketId, body.sourceKey)
        await rename_object(connection, body.bucketId, body.sourceKey, draft)
    async with storage.new_content(version), storage.database.transaction(caller.as_service()) as connection:
        # Always in the same order, or two moves could wait for each other.
        for place in sorted({(body.bucketId, body.sourceKey), (bucket, body.destinationKey)}):
            await lock_name(connection, *place)
        source = await find_object(connection, body.bucketId, body.sourceKey, lock=True)
        await storage.files.link(source["version"], version)
        metadata = (source["metadata"] or {}) | {"lastModified": iso(now())}
        draft = ObjectDraft(bucket, body.destinationKey, version, caller.owner, metadata, None)
        await rename_object(connection, body.bucketId, body.sourceKey, draft)
    await storage.files.delete(source["version"])
    return StorageJSON({"message": "Successfully moved"})


async def copy(storage: Storage, request: Request) -> Response:
    """`POST /object/copy`; needs to read the source and to upload the destination."""
    caller = storage.caller(request, "storage.object.copy")
    body = await read_body(request, _TransferBody)
    check_key(body.destinationKey)
    bucket = body.destinationBucket or body.bucketId
    async with storage.database.transaction(caller) as connection:
        source = await find_object(connection, body.bucketId, body.sourceKey)
        await become(connection, caller.as_service())
        await find_bucket(connection, bucket)
    metadata, user_metadata = source["metadata"] or {}, source["user_metadata"]
    if not body.copyMetadata:
        metadata, user_metadata = metadata | body.metadata.model_dump(exclude_none=True), None
    await rehearse(
        storage,
        caller,
        ObjectDraft(bucket, body.destinationKey, REHEARSED_VERSION, caller.owner, metadata, user_metadata),
        upsert=is_upsert(request),
    )
    version = str(uuid4())
    await storage.files.link(source["version"], version)
    metadata |= {"lastModified": iso(now())}
    row = await storage.write_row(
        caller,
        ObjectDraft(bucket, body.destinationKey, version, caller.owner, metadata, user_metadata),
    )
    return StorageJSON({"Key": f"{bucket}/{body.destinationKey}", "Id": str(row["id"])} | object_json(row))


async def delete(storage: Storage, request: Request) -> Response:
    """`DELETE /object/{bucket}/{key}`; tells what is not the caller's from what is missing."""
    caller = storage.caller(request, "storage.object.delete")
    bucket, key = object_name(request)
    async with storage.database.transaction(caller.as_service()) as connection:
        found = await find_object(connection, bucket, key, lock=True)
        await become(connection, caller)
        if not await delete_objects(connection, bucket, [key]):
            raise access_denied("Access denied")
    await storage.files.delete(found["version"])
    return StorageJSON({"message": "Successfully deleted"})


async def delete_many(storage: Storage, request: Request) -> Response:
    """`DELETE /object/{bucket}`; answers the deleted rows, and passes over all that is not the caller's."""
    caller = storage.caller(request, "storage.object.delete_many")
    body = await read_body(request, _DeleteBody)
    async with storage.database.transaction(caller) as connection:
        rows = await delete_objects(connection, request.path_params["bucket"], body.prefixes)
    await storage.files.delete(*(row["version"] for row in rows))
    return StorageJSON([object_json(row) for row in rows])
