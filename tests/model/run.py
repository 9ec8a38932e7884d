"""Runs histories until so many steps were compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.history import History
from tests.model.machine import Money

if TYPE_CHECKING:
    from tests.model.database import Database

_STEPS_EACH = 50
_SETTINGS = settings(
    stateful_step_count=_STEPS_EACH,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


def compare(database: Database, steps: int, first_seed: int, *, shrink: bool = True) -> int:
    """Returns how many steps were compared, at least as many as asked for.

    Raises:
        AssertionError: the database differs from the model; the notes hold the shortest history to it.
    """
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    History.database = database
    History.steps = 0
    number = first_seed
    while History.steps < steps:
        histories = max((steps - History.steps) // _STEPS_EACH, 1)
        machine = type("Money", (Money,), {})
        options = settings(_SETTINGS, max_examples=histories, phases=phases)
        run_state_machine_as_test(seed(number)(machine), settings=options)
        number += 1
    return History.steps
