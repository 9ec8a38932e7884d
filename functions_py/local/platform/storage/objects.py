"""Rows of storage.buckets and storage.objects: every statement about a single object, by name.

All run with the rights of the connection's current role (see database.py) and raise psycopg errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from functions_py.local.platform.storage.database import allow_delete
from functions_py.local.platform.storage.errors import no_such_bucket, no_such_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_py.local.platform.storage.database import Connection, Row

# The version an object has while it is only being asked whether it may exist.
REHEARSED_VERSION = "1"


@dataclass(frozen=True, slots=True)
class ObjectDraft:
    """An object to be written."""

    bucket_id: str
    name: str
    version: str
    owner_id: str | None
    metadata: dict[str, Any] | None
    user_metadata: dict[str, Any] | None

    def parameters(self) -> dict[str, Any]:
        """For the statements below."""
        return {
            "bucket_id": self.bucket_id,
            "name": self.name,
            "version": self.version,
            "owner_id": self.owner_id,
            "metadata": Jsonb(self.metadata) if self.metadata is not None else None,
            "user_metadata": Jsonb(self.user_metadata) if self.user_metadata is not None else None,
        }


async def find_bucket(connection: Connection, bucket_id: str) -> Row:
    """Raises StorageError no_such_bucket if it is missing or invisible."""
    found = await connection.execute("select * from storage.buckets where id = %s", (bucket_id,))
    row = await found.fetchone()
    if row is None:
        raise no_such_bucket()
    return row


async def find_object(connection: Connection, bucket_id: str, name: str, *, lock: bool = False) -> Row:
    """Raises StorageError no_such_key if it is missing or invisible."""
    query = "select * from storage.objects where bucket_id = %s and name = %s"
    found = await connection.execute(query + (" for update" if lock else ""), (bucket_id, name))
    row = await found.fetchone()
    if row is None:
        raise no_such_key()
    return row


async def find_names(connection: Connection, bucket_id: str, names: Sequence[str]) -> set[str]:
    """Which of these objects exist and are visible."""
    found = await connection.execute(
        "select name from storage.objects where bucket_id = %s and name = any(%s)", (bucket_id, list(names))
    )
    return {row["name"] for row in await found.fetchall()}


async def insert_object(connection: Connection, draft: ObjectDraft) -> None:
    """Without RETURNING, which would ask for the right to read as well."""
    await connection.execute(
        """
        insert into storage.objects (bucket_id, name, version, owner_id, metadata, user_metadata)
        values (%(bucket_id)s, %(name)s, %(version)s, %(owner_id)s, %(metadata)s, %(user_metadata)s)
        """,
        draft.parameters(),
    )


async def upsert_object(connection: Connection, draft: ObjectDraft) -> Row:
    """Needs the rights to insert and select, and to update where there is a row of that name."""
    written = await connection.execute(
        """
        insert into storage.objects as o (bucket_id, name, version, owner_id, metadata, user_metadata)
        values (%(bucket_id)s, %(name)s, %(version)s, %(owner_id)s, %(metadata)s, %(user_metadata)s)
        on conflict (bucket_id, name) do update
        set version = excluded.version,
            owner_id = excluded.owner_id,
            metadata = excluded.metadata,
            user_metadata = excluded.user_metadata
        returning o.*
        """,
        draft.parameters(),
    )
    row = await written.fetchone()
    if row is None:
        # A project's trigger swallowed the row.
        raise no_such_key()
    return row


async def lock_name(connection: Connection, bucket_id: str, name: str) -> str | None:
    """Keep other writers of this name out until the transaction ends; the version it has now, if any.

    A lock on the row would not do: two first uploads of one name have no row to lock, and the loser's bytes
    would be left over.
    """
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"storage:{bucket_id}/{name}",)
    )
    found = await connection.execute(
        "select version from storage.objects where bucket_id = %s and name = %s", (bucket_id, name)
    )
    row = await found.fetchone()
    return row["version"] if row is not None else None


async def rename_object(connection: Connection, bucket_id: str, name: str, destination: ObjectDraft) -> Row:
    """Move a row in place; keeps owner and metadata where the draft has none.

    Raises StorageError no_such_key if the caller may not update it.
    """
    renamed = await connection.execute(
        """
        update storage.objects
        set bucket_id = %(bucket_id)s,
            name = %(name)s,
            version = %(version)s,
            owner_id = coalesce(%(owner_id)s, owner_id),
            metadata = coalesce(%(metadata)s, metadata)
        where bucket_id = %(from_bucket_id)s and name = %(from_name)s
        returning *
        """,
        destination.parameters() | {"from_bucket_id": bucket_id, "from_name": name},
    )
    row = await renamed.fetchone()
    if row is None:
        raise no_such_key()
    return row


async def delete_objects(connection: Connection, bucket_id: str, names: Sequence[str]) -> list[Row]:
    """Delete those that exist and that the caller may delete; the deleted rows."""
    await allow_delete(connection)
    deleted = await connection.execute(
        "delete from storage.objects where bucket_id = %s and name = any(%s) returning *",
        (bucket_id, list(names)),
    )
    return await deleted.fetchall()
