"""`make test`: static checks, pgTAP, the Supabase CLI's linters, pytest; `make proofs`: the slow tests.

The last line is always `N passed, N failed`, the numbers being static checks + pgTAP assertions + database
linters + pytest tests. The exit code is 0 only if nothing failed and no part was empty.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local.bootstrap import cli_env
from functions_py.local.ports import HOST
from functions_py.local.processes import CommandError
from functions_py.local.stack import SERVICES
from functions_py.local.tools import ROOT, SetupError, pg_prove, supabase_cli
from tests.support.stacks import shared_stack
from tests.support.tally import PytestTally, Tally, tally_tap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from functions_py.local.stack import Stack

_PYTHON = ("functions_py", "worker", "tests")
_SQL = ("sql", "supabase/migrations", "supabase/tests", "supabase/seed.sql")
_PYTEST_PROCESSES = 3
_PGTAP = ROOT / "supabase" / "tests"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what `make test` promises, or another set of parts; further arguments go to pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--lint", action="store_true", help="only the static checks")
    which.add_argument("--slow", action="store_true", help="only the tests marked slow")
    options, pytest_arguments = parser.parse_known_args(arguments)
    began = time.monotonic()
    if options.lint:
        tallies = [part("static checks", lambda: told(*static_checks()))]
    elif options.slow:
        # Two at a time: they measure memory, load and deadlines.
        tallies = [
            part("slow proofs", lambda: python_tests("slow proofs", ["-m", "slow", *pytest_arguments], 2))
        ]
    else:
        tallies = everything(pytest_arguments)
    return summary(tallies, time.monotonic() - began)


def everything(pytest_arguments: Sequence[str]) -> list[Tally]:
    """All parts but the slow proofs. The static checks compute while the others mostly wait."""
    tallies: list[Tally] = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        linted = beside.submit(static_checks)
        try:
            # pgTAP plays the worker itself; and its helper functions are nothing for the linters.
            with shared_stack([name for name in SERVICES if name != "worker"]) as stack:
                say(f"stack ready: {server_version(stack)}")
                tallies.append(part("database linters", lambda: database_linters(stack)))
                tallies.append(part("pgTAP", lambda: pgtap(stack)))
            arguments = ["-m", "not slow", *pytest_arguments]
            tallies.append(part("pytest", lambda: python_tests("pytest", arguments, _PYTEST_PROCESSES)))
        except (CommandError, SetupError) as error:
            say(f"the stack did not start: {error}")
            tallies.append(Tally("stack", failed=1))
        return [part("static checks", lambda: told(*linted.result())), *tallies]


def told(tally: Tally, report: str) -> Tally:
    """Prints what there is to say about a part."""
    say(report)
    return tally


def part(name: str, run_part: Callable[[], Tally]) -> Tally:
    """Runs one part; a part that breaks is one failure, and the others still run."""
    try:
        return run_part()
    except Exception:
        say(f"{name} broke:\n{traceback.format_exc()}")
        return Tally(name, failed=1)


def static_checks() -> tuple[Tally, str]:
    """ruff, its formatter, mypy, sqlfluff and squawk, two at a time, and what there is to say about them."""
    bin_ = ROOT / ".venv" / "bin"
    sql = [path for path in _SQL if (ROOT / path).exists()]
    migrations = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
    checks: dict[str, list[str | Path]] = {
        "mypy": [bin_ / "mypy"],
        "sqlfluff": [bin_ / "sqlfluff", "lint", "--nocolor", "--disable-progress-bar", *sql],
        "squawk": [bin_ / "squawk", "--config", ".squawk.toml", *migrations],
        "ruff": [bin_ / "ruff", "check", "--output-format=concise", *_PYTHON],
        "ruff format": [bin_ / "ruff", "format", "--check", *_PYTHON],
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        return sum_of("static checks", dict(zip(checks, pool.map(run, checks.values()), strict=True)))


def server_version(stack: Stack) -> str:
    """Which Postgres it is."""
    with psycopg.connect(stack.admin_db_url) as connection:
        row = connection.execute("select 'Postgres ' || current_setting('server_version')").fetchone()
    return str(row[0]) if row else ""


def pgtap(stack: Stack) -> Tally:
    """Every file below supabase/tests through pg_prove, as role postgres."""
    if not any(_PGTAP.rglob("*.sql")):
        say("pgTAP: there is no test in supabase/tests")
        return Tally("pgTAP")
    stop_cron(stack)
    done = run(
        [pg_prove(), "--verbose", "--merge", "--recurse", "--ext", ".sql", _PGTAP],
        env={
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PGHOST": HOST,
            "PGPORT": str(stack.cluster.port),
            "PGUSER": "postgres",
            "PGPASSWORD": stack.cluster.password,
            "PGDATABASE": "postgres",
            "PGOPTIONS": "-c search_path=public,extensions",
        },
    )
    tally, trouble = tally_tap("pgTAP", done.stdout, exit_code=done.returncode)
    if trouble:
        say(f"pgTAP:\n{trouble}")
    return tally


def stop_cron(stack: Stack) -> None:
    """From here on pg_cron knocks at a closed port: its jobs stay as they are, and none runs into a test."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        connection.execute("update cron.job set nodeport = 1")


def database_linters(stack: Stack) -> Tally:
    """plpgsql_check on every function and the advisors, by the Supabase CLI; as superuser, to see all."""
    remote = f"--remote={stack.admin_db_url}"
    schemas = "--schema=public,private,worker_api"
    commands = {
        "supabase db lint": ["db", "lint", remote, schemas, "--level=warning", "--fail-on=warning"],
        "supabase db advisors": ["db", "advisors", remote, "--level=warn", "--fail-on=warn"],
    }
    env = cli_env(stack.state_dir)
    done = {name: run([supabase_cli(), *command], env=env) for name, command in commands.items()}
    return told(*sum_of("database linters", done))


def python_tests(name: str, arguments: Sequence[str], processes: int) -> Tally:
    """pytest in several processes, each with a stack of its own: most tests wait more than they compute."""
    tally = PytestTally()
    # A plugin of pytest (anyio's) is loaded already, because the stack uses it.
    quiet = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    shared = ["-W", quiet, "--numprocesses", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    code = pytest.main([*shared, *arguments], plugins=[tally])
    return tally.result(name, exit_code=int(code))


def run(
    command: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program in the checkout; both outputs in `stdout`."""
    return subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )


def sum_of(name: str, done: Mapping[str, subprocess.CompletedProcess[str]]) -> tuple[Tally, str]:
    """One passed or failed per program, and a line for each, with the output of those that failed."""
    lines = [
        f"{program}: {'ok' if outcome.returncode == 0 else f'FAILED{chr(10)}{outcome.stdout}'}"
        for program, outcome in done.items()
    ]
    failed = sum(outcome.returncode != 0 for outcome in done.values())
    return Tally(name, passed=len(done) - failed, failed=failed), "\n".join(lines)


def summary(tallies: Sequence[Tally], seconds: float) -> int:
    """Prints a line per part and the sum as the last line; returns the exit code."""
    say("")
    for tally in tallies:
        empty = "  <- ran nothing, which counts as a failure" if tally.is_empty else ""
        skipped = f", {tally.skipped} skipped" if tally.skipped else ""
        say(f"{tally.name}: {tally.passed} passed, {tally.failed} failed{skipped}{empty}")
    failed = sum(tally.failed + tally.is_empty for tally in tallies)
    say(f"in {seconds:.0f} s")
    say(f"{sum(tally.passed for tally in tallies)} passed, {failed} failed")
    return 1 if failed else 0


def say(text: str) -> None:
    """Prints at once, in order with what pytest prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
