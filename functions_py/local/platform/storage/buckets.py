"""Buckets. Every statement runs as the caller: without policies only service_role sees any."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from psycopg import sql

from functions_py.local.platform.storage.database import allow_delete, become
from functions_py.local.platform.storage.errors import StorageError, invalid_request, no_such_bucket
from functions_py.local.platform.storage.objects import delete_objects, find_bucket
from functions_py.local.platform.storage.service import RequestBody, Storage, read_body
from functions_py.local.platform.storage.wire import StorageJSON, is_valid_bucket_name, iso

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from functions_py.local.platform.storage.database import Row

_SIZE = re.compile(r"(\d+(?:\.\d+)?)(GB|MB|KB|B)", re.IGNORECASE)
_UNIT_BYTES = {"GB": 1_000_000_000, "MB": 1_000_000, "KB": 1000, "B": 1}
_EMPTIED_AT_ONCE = 1000


class _UpdateBody(RequestBody):
    public: bool | None = None
    file_size_limit: int | str | None = None
    allowed_mime_types: list[str] | None = None

    def columns(self) -> dict[str, Any]:
        """What the client sent. Raises StorageError for a size that is none."""
        columns = self.model_dump(include=self.model_fields_set & set(_UpdateBody.model_fields))
        if isinstance(self.file_size_limit, str):
            columns["file_size_limit"] = _parse_size(self.file_size_limit)
        return columns


class _CreateBody(_UpdateBody):
    name: str
    id: str | None = None


async def create(storage: Storage, request: Request) -> Response:
    """`POST /bucket`."""
    caller = storage.caller(request, "storage.bucket.create")
    body = await read_body(request, _CreateBody)
    bucket_id = body.id or body.name
    if not is_valid_bucket_name(bucket_id) or not is_valid_bucket_name(body.name):
        raise StorageError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input")
    columns = {"id": bucket_id, "name": body.name, "owner_id": caller.owner} | body.columns()
    statement = sql.SQL("insert into storage.buckets ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(map(sql.Placeholder, columns))
    )
    async with storage.database.transaction(caller, duplicate_code="BucketAlreadyExists") as connection:
        await connection.execute(statement, columns)
    return StorageJSON({"name": bucket_id})


async def get(storage: Storage, request: Request) -> Response:
    """`GET /bucket/{bucket}`."""
    caller = storage.caller(request, "storage.bucket.get")
    async with storage.database.transaction(caller) as connection:
        row = await find_bucket(connection, request.path_params["bucket"])
    return StorageJSON(_bucket_json(row))


async def list_all(storage: Storage, request: Request) -> Response:
    """`GET /bucket`, in order of names."""
    caller = storage.caller(request, "storage.bucket.list")
    async with storage.database.transaction(caller) as connection:
        found = await connection.execute('select * from storage.buckets order by name collate "C"')
        rows = await found.fetchall()
    return StorageJSON([_bucket_json(row, with_type=True) for row in rows])


async def update(storage: Storage, request: Request) -> Response:
    """`PUT /bucket/{bucket}`; changes what the body names."""
    caller = storage.caller(request, "storage.bucket.update")
    body = await read_body(request, _UpdateBody)
    columns = body.columns()
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in columns]
    statement = sql.SQL("update storage.buckets set {} where id = {} returning id").format(
        sql.SQL(", ").join([*assignments, sql.SQL("updated_at = now()")]), sql.Placeholder("bucket_id")
    )
    async with storage.database.transaction(caller) as connection:
        updated = await connection.execute(statement, columns | {"bucket_id": request.path_params["bucket"]})
        if await updated.fetchone() is None:
            raise no_such_bucket()
    return StorageJSON({"message": "Successfully updated"})


async def delete(storage: Storage, request: Request) -> Response:
    """`DELETE /bucket/{bucket}`; only an empty one."""
    caller = storage.caller(request, "storage.bucket.delete")
    bucket_id = request.path_params["bucket"]
    async with storage.database.transaction(caller) as connection:
        await find_bucket(connection, bucket_id)
        await become(connection, caller.as_service())
        held = await connection.execute(
            "select 1 from storage.objects where bucket_id = %s limit 1", (bucket_id,)
        )
        if await held.fetchone() is not None:
            raise StorageError(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty")
        await become(connection, caller)
        await allow_delete(connection)
        deleted = await connection.execute("delete from storage.buckets where id = %s", (bucket_id,))
        if deleted.rowcount == 0:
            raise no_such_bucket()
    return StorageJSON({"message": "Successfully deleted"})


async def empty(storage: Storage, request: Request) -> Response:
    """`POST /bucket/{bucket}/empty`; deletes what the caller may delete, before it answers."""
    caller = storage.caller(request, "storage.bucket.empty")
    bucket_id = request.path_params["bucket"]
    while True:
        async with storage.database.transaction(caller) as connection:
            await find_bucket(connection, bucket_id)
            found = await connection.execute(
                "select name from storage.objects where bucket_id = %s limit %s",
                (bucket_id, _EMPTIED_AT_ONCE),
            )
            names = [row["name"] for row in await found.fetchall()]
            rows = await delete_objects(connection, bucket_id, names) if names else []
        await storage.files.delete(*(row["version"] for row in rows))
        # Nothing left, or nothing that the caller may delete.
        if not rows:
            break
    return StorageJSON({"message": "Empty bucket has been queued. Completion may take up to an hour."})


def _bucket_json(row: Row, *, with_type: bool = False) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "owner": str(row["owner"] or ""),
        "public": row["public"],
        **({"type": row["type"]} if with_type else {}),
        "file_size_limit": row["file_size_limit"],
        "allowed_mime_types": row["allowed_mime_types"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _parse_size(text: str) -> int:
    """Bytes of `20MB` and the like; units are powers of 1000."""
    if text.isdigit():
        return int(text)
    match = _SIZE.fullmatch(text)
    if match is None:
        raise invalid_request("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B")
    return int(float(match[1]) * _UNIT_BYTES[match[2].upper()])
