"""`.ci/run`: everything that continuous integration runs, one stage after the other, each a target of make.

The last line is `N passed, N failed`, summed over all stages. A stage that says nothing of that kind, that
exits with another code than its numbers, or that takes longer than its limit is one failure more.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$")


@dataclass(frozen=True)
class Stage:
    """A command whose last line counts what passed and failed."""

    name: str
    command: Sequence[str]
    minutes: float
    """It is ended after so long."""


STAGES = (
    Stage("make test", ["make", "test"], minutes=20),
    Stage("make test PG=17", ["make", "test", "PG=17"], minutes=20),
    Stage("make proofs", ["make", "proofs"], minutes=14),
    Stage("make model", ["make", "model"], minutes=6),
    Stage("make crash, brief", ["make", "crash", "ARGS=--brief --tasks 80"], minutes=8),
    Stage("make mutate, what ten minutes hold", ["make", "mutate", "ARGS=--fresh --minutes 10"], minutes=17),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a stage."""

    stage: Stage
    passed: int
    failed: int
    seconds: float


def main(stages: Sequence[Stage] = STAGES) -> int:
    """Runs all stages, also after one that failed; 0 only if nothing failed."""
    outcomes = [run(stage) for stage in stages]
    say("")
    for done in outcomes:
        say(f"{done.stage.name}: {done.passed} passed, {done.failed} failed in {done.seconds:.0f} s")
    failed = sum(done.failed for done in outcomes)
    say(f"{sum(done.passed for done in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


def run(stage: Stage) -> Outcome:
    """Runs one stage and shows what it prints."""
    say(f"\n=== {stage.name}")
    began = time.monotonic()
    process = subprocess.Popen(
        stage.command,
        cwd=ROOT,
        # Without what make tells a make below it: each stage is as if a person had typed it.
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    limit = threading.Timer(stage.minutes * 60, end, [process])
    limit.start()
    last: re.Match[str] | None = None
    try:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            # Make itself adds a line after a target that failed.
            last = _SUMMARY.match(line.strip()) or last
        code = process.wait()
    finally:
        limit.cancel()
        end(process)
    passed, failed = (int(last[1]), int(last[2])) if last else (0, 0)
    if last is None or (code == 0) != (failed == 0):
        say(f"{stage.name}: ended with code {code}" + ("" if last else " and counted nothing"))
        failed += 1
    return Outcome(stage, passed, failed, time.monotonic() - began)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a stage with everything it started, if it still runs: first in order, then at once."""
    for kind, grace in ((signal.SIGTERM, 30), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            return
        os.killpg(process.pid, kind)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue


def say(text: str) -> None:
    """Prints at once, in order with what the stages print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
