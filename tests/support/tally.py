"""Counting what ran: true numbers from pg_prove's TAP and from pytest's reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_ASSERTION = re.compile(r"^(?P<not>not )?ok \d+(?P<rest>.*)$")
_DIRECTIVE = re.compile(r"#\s*(?P<kind>SKIP|TODO)\b", re.IGNORECASE)
_FILE = re.compile(r"^\S+\.sql \.+\s*$")


@dataclass(frozen=True)
class Tally:
    """What one part of a run did."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def is_empty(self) -> bool:
        """A part that ran nothing proves nothing."""
        return self.passed + self.failed == 0


def tally_tap(name: str, output: str, *, exit_code: int) -> tuple[Tally, str]:
    """Counts the assertions in `pg_prove --verbose` output; also returns what a reader needs to see of it.

    A file that died, or ran another number of assertions than it planned, fails without a `not ok` of its
    own: then the exit code says so, and it counts as one failure.
    """
    passed = failed = skipped = 0
    trouble: list[str] = []
    current_file = ""
    for line in output.splitlines():
        found = _ASSERTION.match(line)
        if _FILE.match(line):
            current_file = line.split(" ", 1)[0]
        if found is None:
            # Diagnostics, errors of psql, and pg_prove's own report of the files that failed.
            if line and exit_code != 0 and not _is_noise(line):
                trouble.append(line)
            continue
        directive = _DIRECTIVE.search(found["rest"])
        if directive is not None:
            skipped += 1
        elif found["not"]:
            failed += 1
            trouble.append(f"{current_file}: {line}")
        else:
            passed += 1
    if exit_code != 0 and failed == 0:
        failed = 1
    return Tally(name, passed, failed, skipped), "\n".join(trouble)


def _is_noise(line: str) -> bool:
    return bool(_FILE.match(line)) or line == "ok" or re.fullmatch(r"\d+\.\.\d+", line) is not None


@dataclass(eq=False)
class PytestTally:
    """A pytest plugin that counts; an error in set-up, tear-down or collection is a failure."""

    _passed: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _skipped: set[str] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for each phase of each test."""
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.skipped:
            self._skipped.add(report.nodeid)
        elif report.when == "call":
            self._passed.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called for each module and package."""
        if report.failed:
            self._failed.add(report.nodeid)

    def result(self, name: str, *, exit_code: int) -> Tally:
        """The counts; an exit code that no failed test explains (an interrupted run) is one failure more."""
        unexplained = int(exit_code != 0 and not self._failed)
        return Tally(
            name, len(self._passed - self._failed), len(self._failed) + unexplained, len(self._skipped)
        )
