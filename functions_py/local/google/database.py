"""The emulator's memory: one SQLite file, so that operations, objects and the journal survive a restart.

All access is from the event loop's thread, with statements of some ten microseconds; durability beyond the
process is not needed, so nothing waits for the disk.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
create table if not exists requests (
    id integer primary key,
    time text not null,
    kind text not null,
    method text not null,
    path text not null,
    model text,
    prompt text,
    storage_uri text,
    operation text,
    object text,
    marker text,
    status integer
);

create table if not exists operations (
    id text primary key,
    name text not null unique,
    service text not null,
    model text not null,
    prompt text not null,
    storage_uri text,
    films text not null,
    outcome text,
    due_at real,
    result text,
    created_at real not null
);
create index if not exists operations_unfinished on operations (created_at) where result is null;
create index if not exists operations_by_prompt on operations (prompt);

create table if not exists objects (
    bucket text not null,
    name text not null,
    generation integer not null unique,
    size integer not null,
    content_type text not null,
    md5 text not null,
    crc32c text not null,
    created_at real not null,
    operation text,
    primary key (bucket, name)
) without rowid;
create index if not exists objects_by_age on objects (created_at);

create table if not exists marker_uses (
    scope text not null,
    marker text not null,
    uses integer not null,
    primary key (scope, marker)
) without rowid;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Opens the file, creating what is missing. Every statement commits by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = off")
    database.executescript(SCHEMA)
    return database
