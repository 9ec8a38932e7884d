"""A project that lives, as its operator has it: a directory for the Supabase CLI, preflight, uninstall."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import class_row

from functions_py.local.bootstrap import cli_env, configure
from functions_py.local.tools import ROOT, postgres_bin, supabase_cli

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions_py.local.stack import Stack

MIGRATIONS = ROOT / "supabase" / "migrations"
HOST_APP = Path(__file__).with_name("host_app.sql")
_PREFLIGHT = ROOT / "sql" / "preflight.sql"
_UNINSTALL = ROOT / "sql" / "uninstall.sql"
_DOCS = ROOT / "functions_py" / "docs" / "live-project.md"


@dataclass(frozen=True)
class Finding:
    """A row of the preflight."""

    severity: str
    object: str
    what_it_is: str
    what_to_do: str

    @property
    def commands(self) -> str:
        """The SQL of what_to_do: what follows the last semicolon is for people."""
        return self.what_to_do[: self.what_to_do.rindex(";") + 1]


@dataclass(frozen=True)
class Project:
    """A directory with supabase/migrations, and the database they go to."""

    stack: Stack
    directory: Path

    @classmethod
    def made(cls, stack: Stack, directory: Path) -> Project:
        (directory / "supabase" / "migrations").mkdir(parents=True)
        shutil.copy(ROOT / "supabase" / "config.toml", directory / "supabase")
        return cls(stack, directory)

    def add(self, migrations: Iterable[Path]) -> None:
        """Copies migrations beside those that are there."""
        for path in migrations:
            shutil.copy(path, self.directory / "supabase" / "migrations")

    def push(self) -> None:
        """`supabase db push --include-all`, then the worker's password as an operator sets it.

        Raises:
            CommandError: a migration failed.
        """
        cluster = self.stack.cluster
        remote = f"--remote={cluster.url('postgres')}"
        cluster.processes.run(
            [supabase_cli(), "db", "push", "--yes", "--include-all", remote],
            env=cli_env(cluster.state_dir),
            log=cluster.log.with_name("migrations.log"),
            cwd=self.directory,
            timeout=120,
        )
        configure(cluster, worker_url="http://127.0.0.1:9", worker_token="unused")


def preflight(connection: psycopg.Connection) -> list[Finding]:
    """What sql/preflight.sql answers, inside the caller's transaction."""
    with connection.cursor(row_factory=class_row(Finding)) as cursor:
        return cursor.execute(_PREFLIGHT.read_bytes()).fetchall()


def look(stack: Stack) -> dict[str, Finding]:
    """The preflight of a database as it is, by object, in the read-only transaction it is meant for."""
    with psycopg.connect(stack.db_url("postgres")) as connection:
        connection.read_only = True
        return {finding.object: finding for finding in preflight(connection)}


def clashes(findings: dict[str, Finding]) -> set[str]:
    """Objects that clash, without the summary."""
    return {name for name, found in findings.items() if found.severity == "clash"} - {"Reelbase"}


def uninstall(stack: Stack, switch_to: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs sql/uninstall.sql by psql, as the documentation says."""
    switch = ["-c", f"set reelbase.uninstall = '{switch_to}'"] if switch_to else []
    psql = [str(postgres_bin() / "psql"), stack.db_url("postgres"), "-X", "-v", "ON_ERROR_STOP=1"]
    return subprocess.run(
        [*psql, *switch, "-f", str(_UNINSTALL)], capture_output=True, text=True, timeout=60, check=False
    )


def documented(name: str) -> str:
    """The SQL of a block of the documentation that begins with this comment."""
    found = re.search(rf"```sql\n(-- {re.escape(name)}\n.*?)```", _DOCS.read_text(), re.DOTALL)
    assert found is not None, name
    return found[1]


def dump(stack: Stack, *options: str) -> str:
    """What pg_dump writes down about a database, as its superuser."""
    pg_dump = [str(postgres_bin() / "pg_dump"), stack.admin_db_url, "--no-sync"]
    done = subprocess.run([*pg_dump, *options], capture_output=True, text=True, timeout=60, check=True)
    # pg_dump 15.14 and newer protect the script by a random key.
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)
