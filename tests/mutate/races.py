"""The tests with real sessions, on a database with one change."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT

_VARIABLE: Final = "REELBASE_MUTANT"
_LIMIT_SECONDS: Final = 900


def races_notice(change: str) -> bool:
    """Whether one of the tests of tests/concurrency fails with this change applied after the migrations."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(change)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.mutate.races", "tests/concurrency"],
            check=False,
            cwd=ROOT,
            env={**os.environ, _VARIABLE: file.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_SECONDS,
        )
    return done.returncode == 1


def pytest_configure() -> None:
    """As a plugin of pytest: every stack gets the change once its database is filled."""
    change = os.environ.get(_VARIABLE)
    if change is None:
        return
    fill = Stack._fill_database

    def fill_and_change(stack: Stack) -> None:
        fill(stack)
        with psycopg.connect(stack.db_url("postgres"), autocommit=True) as connection:
            connection.execute(Path(change).read_bytes())

    Stack._fill_database = fill_and_change  # type: ignore[method-assign, assignment]
