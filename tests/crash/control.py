"""The database from the side, through every restart; and the traps in it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tests.support.database import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.support.database import Connection

_RETRY_SECONDS: Final = 0.2
_LOCK: Final = "4711"
_TRAPPED: Final = """
    select a.pid, substr(a.application_name, length('trapped ') + 1) as worker
    from pg_stat_activity as a
    where a.application_name like 'trapped %' and a.wait_event_type = 'Lock' and a.wait_event = 'advisory'
"""


class Control:
    """As superuser. A question is asked again until the database answers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute(Path(__file__).with_name("traps.sql").read_bytes())

    async def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                async with connect(self.stack, "supabase_admin") as connection:
                    cursor = await connection.execute(query.encode(), parameters)
                    return await cursor.fetchall() if cursor.description else []
            await asyncio.sleep(_RETRY_SECONDS)

    async def one(self, query: str, *parameters: object) -> Any:
        (row,) = await self.rows(query, *parameters)
        (value,) = row.values()
        return value

    async def count_live(self) -> int:
        return int(await self.one("select count(*) from private.video_jobs"))

    @contextlib.asynccontextmanager
    async def trap(self, step: str) -> AsyncIterator[Trap]:
        """Armed for one transaction that comes to this step; whoever is in it at the end goes on."""
        async with connect(self.stack, "supabase_admin") as connection:
            await connection.execute(f"select pg_advisory_lock({_LOCK})".encode())
            await connection.execute("insert into crash.traps values (%s)", (step,))
            try:
                yield Trap(connection)
            finally:
                await connection.execute("delete from crash.traps")


class Trap:
    """One step that is watched."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._backend: int | None = None

    async def caught(self, seconds: float) -> str | None:
        """The worker that is in it; None if nobody came by in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            row = await (await self._connection.execute(_TRAPPED)).fetchone()
            if row is not None:
                self._backend = row["pid"]
                return str(row["worker"])
            await asyncio.sleep(0.02)
        return None

    async def commit(self) -> None:
        """The step goes through."""
        await self._connection.execute(f"select pg_advisory_unlock({_LOCK})".encode())

    async def undo(self) -> None:
        """As if the connection had ended a moment before."""
        await self._connection.execute("select pg_terminate_backend(%s)", (self._backend,))
        await self.commit()
