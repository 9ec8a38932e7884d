"""What stands above all tasks: the switch, the model on sale, and the provider's bill of each day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DAY: Final = 24 * 3600
SURELY_FREE: Final = {"refused", "rejected", "failed", "filtered"}
"""Outcomes of a provider call that cost nothing."""


@dataclass(eq=False)
class Call:
    """One paid request to the provider."""

    day: int
    cents: int
    outcome: str = "in_flight"
    operation: str | None = None


@dataclass(eq=False)
class House:
    is_open: bool = True
    is_paused: bool = False
    """The provider said that the model is gone."""
    cap: int | None = None
    """Cents that may go to the provider in one day."""
    calls: list[Call] = field(default_factory=list)

    def spent(self, day: int) -> int:
        return sum(call.cents for call in self.calls if call.day == day and call.outcome not in SURELY_FREE)

    def can_afford(self, cents: int, day: int) -> bool:
        return self.cap is None or self.spent(day) + cents <= self.cap
