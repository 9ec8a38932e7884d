"""Database sessions whose order a test decides.

    async with open_sessions(stack, 2) as (first, second), observer(stack) as watch:
        await first.begin()
        await first.call("select ...")          # holds its locks
        late = second.start("select ...")       # runs into them
        await watch.until_blocked(second)       # seen in pg_stat_activity, not guessed by a clock
        await first.commit()
        await late

No step of a test waits for time: it waits until Postgres itself says that a session is stuck behind a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from tests.support.database import connect, connect_as

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.support.database import Connection

_PATIENCE_SECONDS = 20.0
_BETWEEN_LOOKS_SECONDS = 0.01


@dataclass(frozen=True)
class Refusal:
    """An error that a statement raised: our code where it has one, else SQLSTATE and constraint."""

    code: str
    constraint: str | None = None
    details: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Session:
    """One connection, in autocommit until `begin`."""

    connection: Connection
    pid: int
    _started: list[asyncio.Task[Any]] = field(default_factory=list)

    async def call(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Runs a statement; returns the only value of its first row, or None.

        Raises:
            psycopg.Error: what Postgres says.
        """
        cursor = await self.connection.execute(statement.encode(), parameters)
        row = await cursor.fetchone() if cursor.description else None
        return next(iter(row.values())) if row else None

    async def ask(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """As `call`, but an error is an answer like any other: a Refusal."""
        try:
            return await self.call(statement, parameters)
        except psycopg.Error as error:
            return refusal_of(error)

    def start(self, statement: str, parameters: Sequence[object] = ()) -> asyncio.Task[Any]:
        """`ask` in the background: the statement may wait for a lock of another session."""
        task = asyncio.create_task(self.ask(statement, parameters))
        self._started.append(task)
        return task

    async def abandon(self) -> None:
        """Cancels what still runs: a test that failed must not wait for locks that it holds itself."""
        if any(not task.done() for task in self._started):
            await self.connection.cancel_safe()
        await asyncio.gather(*self._started)

    async def begin(self) -> None:
        """Opens a transaction: from here on locks are held."""
        await self.connection.execute("begin")

    async def commit(self) -> Refusal | None:
        """Ends it; a Refusal if a deferred rule is broken."""
        refusal = await self.ask("commit")
        return refusal if isinstance(refusal, Refusal) else None

    async def rollback(self) -> None:
        """Ends it without a trace."""
        await self.connection.execute("rollback")


@dataclass(frozen=True, eq=False)
class Observer:
    """Looks at sessions from outside, as its superuser."""

    connection: Connection

    async def until_blocked(self, *sessions: Session) -> None:
        """Returns once every one of the sessions waits for a lock.

        Raises:
            AssertionError: after 20 s some do not; names what they do instead.
        """
        pids = {session.pid for session in sessions}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while running := pids - await self._waiting(pids):
            if time.monotonic() > deadline:
                raise AssertionError(f"not blocked: {await self._activity(running)}")
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)

    async def until_blocked_or_done(self, session: Session, statement: asyncio.Task[Any]) -> bool:
        """Whether a statement, once it came to rest, waits for a lock (True) or was over (False)."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not statement.done():
            if await self._waiting({session.pid}):
                return True
            if time.monotonic() > deadline:
                raise AssertionError(f"neither blocked nor done: {await self._activity({session.pid})}")
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
        return False

    async def _waiting(self, pids: Collection[int]) -> set[int]:
        cursor = await self.connection.execute(
            "select pid from pg_stat_activity where pid = any(%s) and wait_event_type = 'Lock'", (list(pids),)
        )
        return {row["pid"] for row in await cursor.fetchall()}

    async def _activity(self, pids: Collection[int]) -> list[dict[str, Any]]:
        cursor = await self.connection.execute(
            "select pid, state, wait_event_type, wait_event, query from pg_stat_activity where pid = any(%s)",
            (list(pids),),
        )
        return await cursor.fetchall()


def refusal_of(error: psycopg.Error) -> Refusal:
    """Reads the JSON of private.raise_error where there is one."""
    if error.sqlstate != "PGRST":
        return Refusal(error.sqlstate or type(error).__name__, error.diag.constraint_name)
    body = json.loads(error.diag.message_primary or "{}")
    return Refusal(body["code"], details=json.loads(body["details"]))


@contextlib.asynccontextmanager
async def open_session(
    stack: Stack, role: str = "postgres", *, user: UUID | None = None
) -> AsyncIterator[Session]:
    """A session of a login role, or as PostgREST would open it for a signed-in user."""
    opened = connect(stack, role) if user is None else connect_as(stack, user)
    async with opened as connection:
        session = Session(connection, connection.info.backend_pid)
        try:
            yield session
        finally:
            await session.abandon()


@contextlib.asynccontextmanager
async def open_sessions(
    stack: Stack, count: int, role: str = "postgres", *, user: UUID | None = None
) -> AsyncIterator[list[Session]]:
    """Several of them."""
    async with contextlib.AsyncExitStack() as exits:
        yield [await exits.enter_async_context(open_session(stack, role, user=user)) for _ in range(count)]


@contextlib.asynccontextmanager
async def observer(stack: Stack) -> AsyncIterator[Observer]:
    """An Observer with a connection of its own."""
    async with connect(stack, "supabase_admin") as connection:
        yield Observer(connection)
