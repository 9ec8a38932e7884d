"""The pgTAP suite as a jury: which of its files notices a change."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

from functions_py.local.ports import HOST
from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT
from tests.run import stop_cron
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from pathlib import Path

TESTS: Final = ROOT / "supabase" / "tests"
HELPERS: Final = TESTS / "000_helpers_test.sql"
_PASSED: Final = re.compile(r"^ok \d+", re.MULTILINE)
_TROUBLE: Final = re.compile(r"^not ok|^# Looks like|^THE END: ", re.MULTILINE)
_LIMIT_SECONDS: Final = 120


@dataclass
class TestFile:
    path: Path
    text: str
    passes: int
    seconds: float
    runs: frozenset[str]
    """Signatures of the functions it runs."""


class Suite:
    """One cluster and the files that pass on it as it is."""

    def __init__(self, exits: contextlib.ExitStack) -> None:
        self._cluster = exits.enter_context(contextlib.ExitStack())
        self.files: list[TestFile] = []
        self._kills: Counter[tuple[str, Path]] = Counter()
        self.renew()

    def renew(self) -> None:
        """Another cluster: the old one holds what a change has let in."""
        self._cluster.close()
        name = self._cluster.enter_context(own_name())
        self.stack = self._cluster.enter_context(Stack.start(name, services=("postgres",)))
        with psycopg.connect(self.stack.admin_db_url, autocommit=True) as connection:
            for extension in ("pgtap", "plpgsql_check"):
                connection.execute(f"create extension {extension} with schema extensions".encode())
            connection.execute("alter database postgres set track_functions = 'all'")
        stop_cron(self.stack)
        self._run(HELPERS)

    def learn(self) -> list[str]:
        """Runs everything once, noting what each file runs; returns the files that do not pass."""
        broken = []
        with psycopg.connect(self.stack.admin_db_url, autocommit=True) as connection:
            for path in sorted(TESTS.rglob("*_test.sql")):
                connection.execute("select pg_stat_reset()")
                began = time.monotonic()
                output = self._run(path)
                seconds = time.monotonic() - began
                if _TROUBLE.search(output):
                    broken.append(str(path.relative_to(TESTS)))
                    continue
                # What a session counted is seen once it is gone, which is a moment after psql.
                while connection.execute(
                    "select from pg_stat_activity where application_name = 'psql'"
                ).rowcount:
                    time.sleep(0.01)
                rows = connection.execute(
                    "select funcid::regprocedure::text from pg_stat_user_functions where calls > 0"
                )
                runs = frozenset(signature for (signature,) in rows.fetchall())
                passes = len(_PASSED.findall(output))
                self.files.append(TestFile(path, path.read_text(), passes, seconds, runs))
        return broken

    def notices(self, about: str, function: str | None) -> str | None:
        """The first file that fails now; None if none does."""
        short = about.rpartition(".")[2]
        candidates = [file for file in self.files if function is None or function in file.runs]
        # First what noticed its other mutants, then what is about it or names it, then what is fast.
        candidates.sort(
            key=lambda file: (
                -self._kills[about, file.path],
                short not in str(file.path),
                short not in file.text,
                file.seconds,
            )
        )
        for file in candidates:
            output = self._run(file.path)
            if _TROUBLE.search(output) or len(_PASSED.findall(output)) != file.passes:
                self._kills[about, file.path] += 1
                return str(file.path.relative_to(TESTS))
        return None

    def _run(self, path: Path) -> str:
        try:
            done = subprocess.run(
                ["psql", "-XqAt", "--set=ON_ERROR_STOP=1", "--file", path],
                check=False,
                cwd=ROOT,
                env={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "PGHOST": HOST,
                    "PGPORT": str(self.stack.cluster.port),
                    "PGUSER": "postgres",
                    "PGPASSWORD": self.stack.cluster.password,
                    "PGDATABASE": "postgres",
                    "PGOPTIONS": "-c search_path=public,extensions -c statement_timeout=20s",
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return "\nTHE END: none"
        return done.stdout + (f"\nTHE END: {done.returncode}" if done.returncode else "")
