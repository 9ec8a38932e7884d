"""Counting what ran: true numbers from pg_prove's TAP and from pytest's reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_FILE = re.compile(r"^(?P<path>\S+\.sql) \.+\s*$")
_ASSERTION = re.compile(r"^(?P<not>not )?ok \d+(?P<rest>.*)$")
_DIRECTIVE = re.compile(r"#\s*(SKIP|TODO)\b", re.IGNORECASE)
# Of a file that failed: what pgTAP and psql say about it, without the rows that its statements returned.
_WORTH_READING = re.compile(
    r"^(not ok |#|psql:.* (ERROR|FATAL): |DETAIL: |CONTEXT: |Dubious|Failed |No subtests)"
)


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
    about_this_file: list[str] = []
    for line in output.splitlines():
        if header := _FILE.match(line):
            about_this_file = [f"{header['path']}:"]
        elif line == "ok":
            about_this_file = []
        elif found := _ASSERTION.match(line):
            if _DIRECTIVE.search(found["rest"]):
                skipped += 1
            elif found["not"]:
                failed += 1
            else:
                passed += 1
        if _WORTH_READING.match(line):
            about_this_file.append(line)
        if line.startswith(("Failed ", "No subtests", "All ")) and exit_code != 0:
            trouble += about_this_file
            about_this_file = []
    if exit_code != 0 and failed == 0:
        failed = 1
    return Tally(name, passed, failed, skipped), "\n".join(trouble)


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
