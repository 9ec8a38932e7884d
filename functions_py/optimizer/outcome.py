"""Why a prompt was not rewritten."""

from __future__ import annotations

from typing import Literal, TypeAlias

Failure: TypeAlias = Literal["blocked", "malformed", "too_long", "timeout", "unavailable"]


class NotRewrittenError(Exception):
    """The user keeps his own prompt; ``outcome`` is what prompt_optimizations notes."""

    def __init__(self, outcome: Failure, detail: str = "") -> None:
        super().__init__(f"{outcome} {detail}".strip())
        self.outcome: Failure = outcome
