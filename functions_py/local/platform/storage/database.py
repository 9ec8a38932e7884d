"""Transactions under the caller's role, so that the project's policies decide, and on Storage's own behalf.

A transaction of a caller sees what it would through PostgREST: role, claims, headers, method and path, and
beside them `storage.operation`. Storage's own have role service_role, which bypasses row security.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from functions_py.local.platform.storage.errors import from_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg_pool import AsyncConnectionPool

    from functions_py.local.platform.storage.caller import Caller

Connection: TypeAlias = AsyncConnection[DictRow]
Row: TypeAlias = dict[str, Any]

_STATEMENT_TIMEOUT = "30s"
_LOCK_TIMEOUT = "5s"


class Database:
    """Storage's connections, as supabase_storage_admin, who may become any of the API roles."""

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(
        self, caller: Caller, *, duplicate_code: str = "KeyAlreadyExists"
    ) -> AsyncIterator[Connection]:
        """Commit on success, roll back on any exception.

        Raises StorageError for whatever the database refuses, at COMMIT too; `duplicate_code` names a
        violated unique constraint.
        """
        try:
            async with self._pool.connection() as connection:
                await become(connection, caller)
                yield connection
        except psycopg.Error as error:
            raise from_database(error, duplicate_code) from error

    @asynccontextmanager
    async def rehearsal(self, caller: Caller) -> AsyncIterator[Connection]:
        """A transaction that is always rolled back: finds out whether the caller may do something.

        Raises StorageError as `transaction` does.
        """
        async with self.transaction(caller) as connection, connection.transaction(force_rollback=True):
            yield connection


async def become(connection: Connection, caller: Caller) -> None:
    """Switch the running transaction to a caller's rights."""
    settings = caller.settings() | {
        "statement_timeout": _STATEMENT_TIMEOUT,
        "lock_timeout": _LOCK_TIMEOUT,
        # Last, so that all the others are set with our own rights.
        "role": caller.role,
    }
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    parameters = [part for setting in settings.items() for part in setting]
    await connection.execute(f"select {calls}", parameters)


async def allow_delete(connection: Connection) -> None:
    """Lift the tables' protection for this transaction: whoever calls this also deletes the bytes."""
    await connection.execute("select set_config('storage.allow_delete_query', 'true', true)")
