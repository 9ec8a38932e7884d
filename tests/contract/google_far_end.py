"""Google's emulator as the far end of a provider: told what to do by markers in the prompt."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from PIL import Image

from tests.contract.provider_suite import Situation
from worker.providers.base import ReferenceImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.google_emulator import Emulator
    from worker.providers.base import Provider

MARKERS = {
    Situation.MAKES_A_CLIP: "",
    Situation.QUOTA_EXCEEDED: "[429]",
    Situation.OVERLOADED: "[503]",
    Situation.INVALID: "[400]",
    Situation.FORBIDDEN: "[403]",
    Situation.MODEL_RETIRED: "[404]",
    Situation.INTERNAL_ERROR: "[500]",
    Situation.BAD_GATEWAY: "[html502]",
    Situation.NEVER_ANSWERS: "[hang]",
    Situation.EMPTY_ANSWER: "[empty200]",
    Situation.DROPS_AND_MAKES_NOTHING: "[drop_lost]",
    Situation.DROPS_BUT_MAKES_A_CLIP: "[drop]",
    Situation.FILTERS: "[safety]",
    Situation.FINDS_THE_IMAGE_UNSAFE: "[opsafety]",
    Situation.FAILS_INSIDE: "[operror]",
    Situation.TOO_BUSY_INSIDE: "[overloaded]",
    Situation.ENDS_WITHOUT_A_CLIP: "[noresult]",
    Situation.NEVER_FINISHES: "[slow]",
    # More often than the provider asks again by itself within one poll.
    Situation.POLLS_FAIL: "[poll_503:3]",
    Situation.FILE_IS_MISSING: "[expired]",
    Situation.FILE_IS_CUT: "[cut]",
}


@dataclass
class GoogleFarEnd:
    """The emulator, and how a provider that talks to it is made."""

    emulator: Emulator
    model: str
    make_provider: Callable[[], Provider]
    polls_per_second: float = 5.0

    def prompt(self, situation: Situation) -> str:
        return f"a fox in the snow {uuid.uuid4()} {MARKERS[situation]}".strip()

    async def creates(self, prompt: str) -> int:
        journal = await self.journal(prompt=prompt, kind="create")
        return int(journal["counts"].get("create", 0))

    async def another_process(self) -> Provider:
        return self.make_provider()

    async def journal(self, **filters: str) -> dict[str, Any]:
        """What the emulator was asked."""
        async with httpx.AsyncClient(base_url=self.emulator.url) as client:
            answer = await client.get("/_emulator/requests", params=filters)
        journal: dict[str, Any] = answer.raise_for_status().json()
        return journal


def picture() -> ReferenceImage:
    """A reference image."""
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 720), "teal").save(buffer, "PNG")
    return ReferenceImage(buffer.getvalue(), "image/png")
