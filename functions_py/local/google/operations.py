"""Long-running operations: what becomes of a request after Google accepted it.

An operation goes on whatever happens to the client, and to this process: it is written down when it is
accepted and taken up again after a restart.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from functions_py.local.google.films import FilmError, Films, FilmSpec

if TYPE_CHECKING:
    import sqlite3

log = structlog.get_logger()


@dataclass(frozen=True)
class Operation:
    """One accepted request. `outcome` is the marker that shapes it; `due_at` None: when somebody says so.

    `storage_uri` is where its clips go: a `gs://` folder, `files/` (Gemini's), or None for into the answer.
    `result` is what its service wrote when it ended, the part of the answer that says how.
    """

    id: str
    name: str
    service: str
    model: str
    prompt: str
    films: tuple[FilmSpec, ...]
    storage_uri: str | None = None
    outcome: str | None = None
    due_at: float | None = None
    result: dict[str, Any] | None = None
    created_at: float = field(default_factory=time.time)


Settle = Callable[[Operation, list[Path]], Awaitable[dict[str, Any]]]
"""How a service ends an operation: given its clips in the order of `films`, returns the result."""


class Operations:
    """All operations, of every service."""

    def __init__(self, database: sqlite3.Connection, films: Films, seconds: float) -> None:
        self._database = database
        self._films = films
        self._seconds = seconds
        self._settlers: dict[str, Settle] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()

    def register(self, service: str, settle: Settle) -> None:
        self._settlers[service] = settle

    def start(self, operation: Operation, *, never_ends: bool) -> None:
        """Accepts an operation: it will end after the configured time, or when finish() is called."""
        due_at = None if never_ends else operation.created_at + self._seconds
        operation = dataclasses.replace(operation, due_at=due_at)
        columns = {
            **{name: value for name, value in vars(operation).items() if name != "result"},
            "films": json.dumps([dataclasses.asdict(film) for film in operation.films]),
        }
        self._database.execute(
            "insert into operations"
            " (id, name, service, model, prompt, storage_uri, films, outcome, due_at, created_at) values"
            " (:id, :name, :service, :model, :prompt, :storage_uri, :films, :outcome, :due_at, :created_at)",
            columns,
        )
        self._run(operation)

    def resume(self) -> None:
        """Takes up what a previous process left unfinished."""
        for row in self._database.execute("select * from operations where result is null").fetchall():
            self._run(_operation(row))

    def find(self, name: str) -> Operation | None:
        """By full name or by id."""
        row = self._database.execute(
            "select * from operations where name = :name or id = :name", {"name": name}
        ).fetchone()
        return _operation(row) if row else None

    def forget(self, operation: Operation) -> None:
        """Takes a finished operation from its service; what it made stays, and so does the count of bills."""
        self._database.execute(
            "update operations set service = 'forgotten' where id = ? and result is not null", (operation.id,)
        )

    async def finish(self, name: str | None, prompt: str | None) -> list[str]:
        """Ends the unfinished operations with this name or prompt (both None: all), returns their names.

        When it returns, the clips are there and the next poll says so.
        """
        rows = self._database.execute(
            "update operations set due_at = 0 where result is null"
            " and (:name is null or name = :name or id = :name) and (:prompt is null or prompt = :prompt)"
            " returning id, name",
            {"name": name, "prompt": prompt},
        ).fetchall()
        tasks = [self._running[row["id"]] for row in rows if row["id"] in self._running]
        async with self._changed:
            self._changed.notify_all()
        await asyncio.gather(*tasks)
        return [row["name"] for row in rows]

    def counts(self) -> dict[str, int]:
        """How many operations were accepted, by prompt: what would have been billed."""
        rows = self._database.execute("select prompt, count(*) as number from operations group by prompt")
        return {row["prompt"]: row["number"] for row in rows}

    async def ended(self, operation: Operation) -> None:
        """Returns when the operation has ended."""
        if task := self._running.get(operation.id):
            await asyncio.wait([task])

    async def close(self) -> None:
        """Stops working; what is unfinished stays unfinished."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, operation: Operation) -> None:
        task = asyncio.create_task(self._live(operation), name=operation.name)
        self._running[operation.id] = task
        task.add_done_callback(lambda _: self._running.pop(operation.id, None))

    async def _live(self, operation: Operation) -> None:
        films = asyncio.gather(*(self._films.make(film) for film in operation.films))
        try:
            await self._until_due(operation)
            result = await self._settlers[operation.service](operation, await films)
        except FilmError:
            log.exception("rendering failed", operation=operation.name)
            result = {
                "error": {"code": 13, "message": "The emulator could not render the clip; see its log."}
            }
        finally:
            films.cancel()
        self._database.execute(
            "update operations set result = ? where id = ?", (json.dumps(result), operation.id)
        )

    async def _until_due(self, operation: Operation) -> None:
        async with self._changed:
            while (remaining := self._remaining(operation.id)) is None or remaining > 0:
                try:
                    async with asyncio.timeout(remaining):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    def _remaining(self, identifier: str) -> float | None:
        row = self._database.execute("select due_at from operations where id = ?", (identifier,)).fetchone()
        return None if row["due_at"] is None else row["due_at"] - time.time()


def new_id() -> str:
    """Nineteen digits, as in the folders that Vertex makes under a storageUri."""
    return str(secrets.randbelow(9 * 10**18) + 10**18)


def _operation(row: sqlite3.Row) -> Operation:
    values = dict(row)
    values["films"] = tuple(FilmSpec(**film) for film in json.loads(values["films"]))
    values["result"] = json.loads(values["result"]) if values["result"] else None
    return Operation(**values)
