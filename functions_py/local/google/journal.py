"""What was asked of Google, so that a test can count what would have cost money."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3


@dataclass
class Entry:
    """One request. `status` is the HTTP status of the answer, None while (or because) there is none."""

    id: int
    kind: str
    model: str | None = None
    prompt: str | None = None
    storage_uri: str | None = None
    operation: str | None = None
    object: str | None = None
    marker: str | None = None
    status: int | None = None


class Journal:
    """Written when a request arrives and again when it is answered: one that hangs is there to be seen."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def open(self, kind: str, method: str, path: str) -> Entry:
        cursor = self._database.execute(
            "insert into requests (time, kind, method, path) values (?, ?, ?, ?)",
            (datetime.now(UTC).isoformat(timespec="milliseconds"), kind, method, path),
        )
        assert cursor.lastrowid is not None
        return Entry(cursor.lastrowid, kind)

    def save(self, entry: Entry) -> None:
        self._database.execute(
            "update requests set kind = :kind, model = :model, prompt = :prompt, storage_uri = :storage_uri,"
            " operation = :operation, object = :object, marker = :marker, status = :status where id = :id",
            vars(entry),
        )

    def listing(self, kind: str | None, prompt: str | None, limit: int) -> dict[str, Any]:
        """The newest `limit` requests, oldest first; counts of all that match, by kind and by prompt and
        kind.
        """
        matching = "where (:kind is null or kind = :kind) and (:prompt is null or prompt = :prompt)"
        wanted = {"kind": kind, "prompt": prompt, "limit": limit}
        requests = self._database.execute(
            f"select * from (select * from requests {matching} order by id desc limit :limit) order by id",  # noqa: S608
            wanted,
        )
        counts: dict[str, int] = defaultdict(int)
        prompts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in self._database.execute(
            f"select kind, prompt, count(*) as number from requests {matching} group by kind, prompt",  # noqa: S608
            wanted,
        ):
            counts[row["kind"]] += row["number"]
            if row["prompt"] is not None:
                prompts[row["prompt"]][row["kind"]] = row["number"]
        return {"requests": [dict(row) for row in requests], "counts": counts, "prompts": prompts}

    def clear(self) -> None:
        self._database.execute("delete from requests")
