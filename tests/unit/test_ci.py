"""What `.ci/run` says at its end is the sum of what ran, whatever becomes of a stage."""

from __future__ import annotations

import time

import pytest

from tests.ci import STAGES, Stage, main


def said(capsys: pytest.CaptureFixture[str], *scripts: str, minutes: float = 1) -> tuple[int, str]:
    """The exit code and the last line, for stages that are shell scripts."""
    code = main([Stage(script, ["sh", "-c", script], minutes) for script in scripts])
    return code, capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_sums_all_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "echo; echo 3 passed, 0 failed", "echo 4 passed, 0 failed") == (
        0,
        "7 passed, 0 failed",
    )


@pytest.mark.parametrize(
    ("script", "last_line"),
    [
        # What make prints after a target that failed.
        ("echo 3 passed, 2 failed; echo 'make: *** Error 1' >&2; exit 1", "13 passed, 2 failed"),
        ("echo 3 passed, 0 failed; exit 2", "13 passed, 1 failed"),
        ("echo 3 passed, 2 failed; exit 0", "13 passed, 3 failed"),
        ("echo nothing of that kind", "10 passed, 1 failed"),
        ("kill -9 $$", "10 passed, 1 failed"),
    ],
)
def test_a_stage_that_goes_wrong_fails_the_run_and_the_others_still_run(
    capsys: pytest.CaptureFixture[str], script: str, last_line: str
) -> None:
    assert said(capsys, script, "echo 10 passed, 0 failed") == (1, last_line)


def test_a_stage_that_hangs_is_ended_with_what_it_started(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert said(capsys, "sleep 500 & wait", minutes=0.005) == (1, "0 passed, 1 failed")
    assert time.monotonic() - began < 60


def test_all_limits_together_are_within_what_ci_allows() -> None:
    assert sum(stage.minutes for stage in STAGES) <= 85
