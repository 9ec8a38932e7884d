"""The sum at the end of `make test` is true: what failed counts, and what should have run and did not."""

from __future__ import annotations

import pytest

from tests.run import summary
from tests.support.tally import Tally, tally_tap

GOOD = """\
/x/a_test.sql ..
ok 1 - one
ok 2 # SKIP not here
1..2
ok
"""
BAD = """\
/x/b_test.sql ..
 some row that a statement returned
ok 1 - one
not ok 2 - two
# Failed test 2: "two"
not ok 3 - three # TODO later
1..3
Failed 1/3 subtests
"""
DIED = """\
/x/c_test.sql ..
ok 1 - one
psql:/x/c_test.sql:7: ERROR:  division by zero
Dubious, test returned 3 (wstat 768, 0x300)
Failed 1/2 subtests
"""


def test_assertions_are_counted_and_skipped_ones_are_neither() -> None:
    tally, trouble = tally_tap("pgTAP", GOOD, exit_code=0)
    assert tally == Tally("pgTAP", passed=1, failed=0, skipped=1)
    assert trouble == ""


def test_a_failed_assertion_is_shown_with_its_file_and_reason_only() -> None:
    tally, trouble = tally_tap("pgTAP", GOOD + BAD, exit_code=1)
    assert tally == Tally("pgTAP", passed=2, failed=1, skipped=2)
    assert trouble.splitlines() == [
        "/x/b_test.sql:",
        "not ok 2 - two",
        '# Failed test 2: "two"',
        "not ok 3 - three # TODO later",
        "Failed 1/3 subtests",
    ]


def test_a_file_that_dies_between_assertions_is_a_failure() -> None:
    tally, trouble = tally_tap("pgTAP", GOOD + DIED, exit_code=1)
    assert (tally.passed, tally.failed) == (2, 1)
    assert "division by zero" in trouble


@pytest.mark.parametrize(
    ("tallies", "code", "last_line"),
    [
        ([Tally("a", passed=2), Tally("b", passed=3, skipped=1)], 0, "5 passed, 0 failed"),
        ([Tally("a", passed=2), Tally("b", passed=3, failed=4)], 1, "5 passed, 4 failed"),
        ([Tally("a", passed=2), Tally("b", skipped=1)], 1, "2 passed, 1 failed"),
    ],
)
def test_the_last_line_is_the_sum_and_an_empty_part_fails(
    capsys: pytest.CaptureFixture[str], tallies: list[Tally], code: int, last_line: str
) -> None:
    assert summary(tallies, 1.0) == code
    assert capsys.readouterr().out.splitlines()[-1] == last_line
