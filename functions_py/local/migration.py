"""`make migration NAME=<name>`: what leads from supabase/migrations to sql/schema, as a new migration.

One cluster is made from each, and `supabase db diff` compares them. It compares objects: rows that come with
the schema (settings, codes, models), cron jobs and buckets are yours to add, and
tests/stack/test_schema_matches_migrations.py names those that are missing.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from functions_py.local.bootstrap import cli_env
from functions_py.local.processes import CommandError
from functions_py.local.stack import Stack, StackBusyError
from functions_py.local.tools import ROOT, SetupError, supabase_cli

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PLACEHOLDER = "-- WHY: say here what this is for, and what an operator has to know."
"""Replaced by whoever edits the file; a test refuses a migration that still has it."""

_HEADER = f"""{PLACEHOLDER}
set lock_timeout = '5s';
set statement_timeout = '60s';

"""
_TIMEOUT_SECONDS = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file and returns the exit code."""
    parser = argparse.ArgumentParser(prog="make migration", description=__doc__)
    parser.add_argument("name", help="what it does, in a few words: lower case and underscores")
    name = parser.parse_args(arguments).name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.stderr.write("error: make migration NAME=add_favourites: lower case and underscores, no more\n")
        return 2
    try:
        with contextlib.ExitStack() as exits:
            migrated = exits.enter_context(_cluster("migrations"))
            described = exits.enter_context(_cluster("schema"))
            written = write(name, difference(migrated, described), ROOT / "supabase" / "migrations")
    except (CommandError, SetupError, StackBusyError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if written is None:
        sys.stdout.write("the migrations lead to sql/schema already: nothing was written\n")
        return 0
    sys.stdout.write(f"{written.relative_to(ROOT)}: say why, and replace what a busy database cannot bear\n")
    return 0


def difference(source: Stack, target: Stack) -> str:
    """The SQL that leads from one database to the other; empty if there is nothing to do.

    Raises:
        CommandError: the CLI failed; the message holds what it said.
    """
    urls = (f"--from={source.db_url('postgres')}", f"--to={target.db_url('postgres')}")
    done = subprocess.run(
        [supabase_cli(), "db", "diff", *urls],
        check=False,
        capture_output=True,
        cwd=source.state_dir,
        env=cli_env(source.state_dir),
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise CommandError(f"supabase db diff: {done.stderr}")
    return done.stdout.strip()


def write(name: str, statements: str, directory: Path) -> Path | None:
    """A new migration after all others, whose why is still to be said; None if nothing is to be done."""
    if not statements:
        return None
    newest = max((path.name[:14] for path in directory.glob("*.sql")), default="0")
    # Later than any that somebody dated in the future: migrations are applied in the order of their names.
    time = max(int(datetime.now(UTC).strftime("%Y%m%d%H%M%S")), int(newest) + 1)
    path = directory / f"{time}_{name}.sql"
    path.write_text(f"{_HEADER}{statements}\n")
    return path


@contextlib.contextmanager
def _cluster(source: Literal["migrations", "schema"]) -> Iterator[Stack]:
    name = f"migration-{source}"
    try:
        with Stack.start(name, services=(), database=source) as stack:
            yield stack
    finally:
        shutil.rmtree(ROOT / ".local" / name, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
