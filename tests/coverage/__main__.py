"""`make coverage`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import psycopg

from functions_py.local.stack import SERVICES, Stack
from functions_py.local.tools import ROOT
from tests.coverage import profile
from tests.run import pgtap
from tests.support.stacks import own_name, shared_stack

EXCEPTIONS: Final = Path(__file__).with_name("exceptions.txt")
_SOURCES: Final = """
    select p.oid::regprocedure::text, md5(p.prosrc), p.prosrc
    from pg_proc as p
    inner join pg_language as l on l.oid = p.prolang
    where l.lanname = 'plpgsql' and p.pronamespace::regnamespace::text in ('public', 'private', 'worker_api')
    order by 1
"""
# Of the block itself: it has no line of its own that could be left out.
_BLOCKS: Final = "statement block"


def main() -> int:
    """Exit code 0 if every statement of the database was run, but those listed with a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--only", choices=("pgtap", "pytest"), help="run a part of the suite")
    options, pytest_arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ[profile.VARIABLE] = name
        is_python = options.only != "pgtap"
        if is_python:
            run_pytest(directory, pytest_arguments)
        profile.install()
        if options.only != "pytest":
            with shared_stack([service for service in SERVICES if service != "worker"]) as stack:
                pgtap(stack)
        code = report_database(counts_in(directory))
        if is_python:
            report_python(directory)
    return code


def run_pytest(directory: Path, arguments: list[str]) -> None:
    """The tests in Python, their clusters profiled, and every process of ours under coverage.py."""
    settings = directory / "coveragerc"
    settings.write_text(
        f"[run]\nbranch = true\nparallel = true\ndata_file = {directory}/data\n"
        f"source = {ROOT}/worker\n    {ROOT}/functions_py\nsigterm = true\n"
        "[report]\nskip_covered = true\nshow_missing = true\nexclude_also =\n    if TYPE_CHECKING:\n"
    )
    environment = {
        **os.environ,
        "COVERAGE_PROCESS_START": str(settings),
        "PYTHONPATH": str(start_hook(directory)),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.coverage.profile", "-m", "not slow"]
    parallel = ["--numprocesses", "3", "--dist", "loadfile"]
    subprocess.run([*command, *parallel, *arguments], check=False, cwd=ROOT, env=environment)


def start_hook(directory: Path) -> Path:
    """A directory whose sitecustomize starts coverage.py in every Python process that finds it."""
    hook = directory / "hook"
    hook.mkdir()
    shutil.copy(Path(__file__).with_name("start.py"), hook / "sitecustomize.py")
    return hook


def report_python(directory: Path) -> None:
    """A line for each file that is not covered whole."""
    settings = f"--rcfile={directory / 'coveragerc'}"
    for command in ("combine", "report"):
        subprocess.run([sys.executable, "-m", "coverage", command, settings], check=False, cwd=ROOT)


def counts_in(directory: Path) -> dict[tuple[str, str], dict[int, list[Any]]]:
    """For each function and version of its source: of each statement line, kind and number of executions."""
    total: dict[tuple[str, str], dict[int, list[Any]]] = defaultdict(dict)
    for file in directory.glob("*.json"):
        for name, version, statements in json.loads(file.read_text()):
            for number, line, kind, times in statements or []:
                known = total[name, version].setdefault(number, [line, kind, 0])
                known[2] += times
    return total


def report_database(counts: dict[tuple[str, str], dict[int, list[Any]]]) -> int:
    """A line for each function, the statements nobody ran, and the sum. Exit code 1 if one is not excused."""
    excused = exceptions()
    run = known = 0
    missing: list[str] = []
    for name, (version, source) in functions().items():
        statements = [entry for entry in counts[name, version].values() if entry[1] != _BLOCKS]
        executed = sum(times > 0 for _, _, times in statements)
        if not statements:
            missing.append(f"{name} : never called")
            continue
        lines = source.splitlines()
        left = [f"{name} : {' '.join(lines[line - 1].split())}" for line, _, times in statements if not times]
        excused_here = [text for text in left if text in excused]
        run, known = run + executed + len(excused_here), known + len(statements)
        missing += [text for text in left if text not in excused]
        say(f"{executed / len(statements):7.1%} {executed:4} of {len(statements):4}  {name}")
    for text in missing:
        say(f"not run  {text}")
    share = f"{run / max(known, 1):.2%}"
    say(f"{run} of {known} statements of plpgsql ({share}), {len(excused)} exceptions listed")
    say(f"{run} passed, {len(missing)} failed")
    return 1 if missing or not run else 0


def exceptions() -> set[str]:
    lines = [line for line in EXCEPTIONS.read_text().splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" :: ")[0] for line in lines}


def functions() -> dict[str, tuple[str, str]]:
    """Every plpgsql function of ours, triggers too: a digest of its source, and the source."""
    with (
        own_name() as stack_name,
        Stack.start(stack_name, services=("postgres",)) as stack,
        psycopg.connect(stack.admin_db_url) as connection,
    ):
        rows = connection.execute(_SOURCES.encode()).fetchall()
    return {name: (version, source) for name, version, source in rows}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
