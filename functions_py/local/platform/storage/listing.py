"""What is in a bucket, as folders and files: `POST /object/list/…` and `POST /object/list-v2/…`."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from psycopg import sql
from pydantic import Field

from functions_py.local.platform.storage.errors import StorageError
from functions_py.local.platform.storage.service import RequestBody, Storage, read_body
from functions_py.local.platform.storage.wire import StorageJSON, iso

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from functions_py.local.platform.storage.database import Row

_Order: TypeAlias = Literal["asc", "desc"]
_MAX_PAGE = 1000

# Files of one folder, and the folders in it. Searching ignores case, as Storage does.
_LIST = sql.SQL(
    """
    with found as (
        select
            split_part(substr(o.name, length(%(prefix)s) + 1), '/', 1) as entry,
            strpos(substr(o.name, length(%(prefix)s) + 1), '/') > 0 as is_folder,
            o.id, o.updated_at, o.created_at, o.last_accessed_at, o.metadata
        from storage.objects as o
        where o.bucket_id = %(bucket)s and starts_with(lower(o.name), lower(%(prefix)s || %(search)s))
    )
    select * from (
        select distinct
            entry as name, null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
            null::timestamptz as last_accessed_at, null::jsonb as metadata
        from found
        where is_folder
        union all
        select entry, id, updated_at, created_at, last_accessed_at, metadata
        from found
        where not is_folder
    ) as entries
    order by {order}
    limit %(limit)s offset %(offset)s
    """
)

# Pages by position, not by number: `position` is what it sorts by, in the precision a cursor carries.
_LIST_V2 = sql.SQL(
    """
    with found as (
        select
            case
                when %(delimited)s and strpos(substr(o.name, length(%(prefix)s) + 1), '/') > 0
                    then %(prefix)s || split_part(substr(o.name, length(%(prefix)s) + 1), '/', 1) || '/'
            end as folder,
            o.name, o.id, o.updated_at, o.created_at, o.last_accessed_at, o.metadata
        from storage.objects as o
        where o.bucket_id = %(bucket)s and starts_with(o.name, %(prefix)s)
    ),
    entries as (
        select distinct
            folder collate "C" as name, null::uuid as id, null::timestamptz as updated_at,
            null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata,
            '-infinity'::timestamptz as position
        from found
        where folder is not null
        union all
        select
            name collate "C", id, updated_at, created_at, last_accessed_at, metadata,
            {position} as position
        from found
        where folder is null
    )
    select name, id, updated_at, created_at, last_accessed_at, metadata
    from entries
    where %(after_name)s::text is null
        or (position, name) {beyond} (coalesce(%(after_position)s::timestamptz, '-infinity'), %(after_name)s)
    order by position {order}, name {order}
    limit %(limit)s
    """
)


class _Sort(RequestBody):
    column: Literal["name", "updated_at", "created_at", "last_accessed_at"] = "name"
    order: _Order = "asc"


class _ListBody(RequestBody):
    prefix: str = ""
    search: str = ""
    limit: Annotated[int, Field(ge=1)] = 100
    offset: Annotated[int, Field(ge=0)] = 0
    sortBy: _Sort = _Sort()  # noqa: N815 - the wire's name


class _SortV2(RequestBody):
    column: Literal["name", "updated_at", "created_at"] = "name"
    order: _Order = "asc"


class _ListV2Body(RequestBody):
    prefix: str = ""
    limit: Annotated[int, Field(ge=1)] = _MAX_PAGE
    cursor: str | None = None
    with_delimiter: bool = False
    sortBy: _SortV2 | None = None  # noqa: N815


async def list_folder(storage: Storage, request: Request) -> Response:
    """`POST /object/list/{bucket}`: one folder; a folder in it has null for everything but its name."""
    caller = storage.caller(request, "storage.object.list")
    body = await read_body(request, _ListBody)
    prefix = body.prefix if not body.prefix or body.prefix.endswith("/") else f"{body.prefix}/"
    direction = sql.SQL(body.sortBy.order)
    if body.sortBy.column == "name":
        order = sql.SQL('name collate "C" {}').format(direction)
    else:
        # Folders have no time: they come first.
        order = sql.SQL('id is not null, {} {}, name collate "C"').format(
            sql.Identifier(body.sortBy.column), direction
        )
    async with storage.database.transaction(caller) as connection:
        found = await connection.execute(
            _LIST.format(order=order),
            {
                "bucket": request.path_params["bucket"],
                "prefix": prefix,
                "search": body.search,
                "limit": body.limit,
                "offset": body.offset,
            },
        )
        rows = await found.fetchall()
    return StorageJSON([_entry(row) for row in rows])


async def list_pages(storage: Storage, request: Request) -> Response:
    """`POST /object/list-v2/{bucket}`: everything below a prefix, page by page, with whole names."""
    caller = storage.caller(request, "storage.object.list_v2")
    body = await read_body(request, _ListV2Body)
    limit = min(body.limit, _MAX_PAGE)
    cursor = _Cursor.decode(body.cursor) if body.cursor else _Cursor.first(body.sortBy)
    async with storage.database.transaction(caller) as connection:
        found = await connection.execute(
            _LIST_V2.format(
                position=sql.SQL("'-infinity'::timestamptz")
                if cursor.column is None
                else sql.SQL("date_trunc('milliseconds', {})").format(sql.Identifier(cursor.column)),
                order=sql.SQL(cursor.order or "asc"),
                beyond=sql.SQL("<" if cursor.order == "desc" else ">"),
            ),
            {
                "bucket": request.path_params["bucket"],
                "prefix": body.prefix,
                "delimited": body.with_delimiter,
                "after_name": cursor.name,
                "after_position": cursor.position,
                "limit": limit + 1,
            },
        )
        rows = await found.fetchall()
    page = rows[:limit]
    answer: dict[str, Any] = {"hasNext": len(rows) > limit}
    if answer["hasNext"]:
        answer |= {"nextCursor": cursor.after(page[-1]).encode(), "nextCursorKey": page[-1]["name"]}
    answer["folders"] = [{"name": row["name"]} for row in page if row["id"] is None]
    answer["objects"] = [_object(row) for row in page if row["id"] is not None]
    return StorageJSON(answer)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins, and the order it belongs to, which the client need not repeat.

    Its text is a line per part, in base64: l(ast name), o(rder), c(olumn), a(fter this time).
    """

    name: str | None = None
    order: _Order | None = None
    column: Literal["created_at", "updated_at"] | None = None
    position: str | None = None

    @classmethod
    def first(cls, sort: _SortV2 | None) -> _Cursor:
        if sort is None:
            return cls()
        return cls(order=sort.order, column=sort.column if sort.column != "name" else None)

    @classmethod
    def decode(cls, text: str) -> _Cursor:
        """Raises StorageError InvalidParameter."""
        try:
            lines = base64.b64decode(text, validate=True).decode().split("\n")
        except (binascii.Error, UnicodeDecodeError):
            raise _INVALID_CURSOR from None
        parts = {line[0]: line[2:] for line in lines if line[1:2] == ":"}
        order, column = parts.get("o"), parts.get("c")
        if order not in (None, "asc", "desc") or column not in (None, "name", "created_at", "updated_at"):
            raise _INVALID_CURSOR
        return cls(
            parts.get("l"),
            order,  # type: ignore[arg-type]  # checked above
            column if column != "name" else None,  # type: ignore[arg-type]
            parts.get("a"),
        )

    def after(self, row: Row) -> _Cursor:
        position = iso(row[self.column]) if self.column is not None else None
        return _Cursor(row["name"], self.order, self.column, position)

    def encode(self) -> str:
        parts = {"l": self.name, "o": self.order, "c": self.column, "a": self.position}
        lines = [f"{letter}:{part}" for letter, part in parts.items() if part]
        return base64.b64encode("\n".join(lines).encode()).decode()


_INVALID_CURSOR = StorageError(400, "InvalidParameter", "Invalid Parameter continuation token")


def _entry(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "id": str(row["id"]) if row["id"] is not None else None,
        "updated_at": iso(row["updated_at"]),
        "created_at": iso(row["created_at"]),
        "last_accessed_at": iso(row["last_accessed_at"]),
        "metadata": row["metadata"],
    }


def _object(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "metadata": row["metadata"],
        "updated_at": iso(row["updated_at"]),
        "created_at": iso(row["created_at"]),
        "last_accessed_at": iso(row["last_accessed_at"]),
    }
