"""Creem's prompt moderation, before anything is paid: every text of the user's that a model will see.

Creem asks it of whoever sells AI video by it. `flag` blocks as `deny` does, and without an answer nothing
is generated: the task fails with its credits back, and the user may try again.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Literal

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from worker.providers.base import Detail, RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.metrics import Metrics
    from worker.settings import Settings

CALL_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 1.0
# Those that may be gone at the next try; any other refusal is about our key or our request.
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})

log = structlog.get_logger()


class _Answer(BaseModel):
    decision: Literal["allow", "flag", "deny"]


class _NoAnswerError(Exception):
    """The text says why; `is_final` that asking again is no use."""

    def __init__(self, why: str, *, is_final: bool) -> None:
        super().__init__(why)
        self.is_final = is_final


class Moderator:
    """Asks Creem about prompts, for at most ``seconds`` each."""

    def __init__(self, url: str, api_key: str, seconds: float, metrics: Metrics) -> None:
        self._url = f"{url}/v1/moderation/prompt"
        self._seconds = seconds
        self._metrics = metrics
        self._http = httpx.AsyncClient(
            headers={"x-api-key": api_key}, timeout=CALL_SECONDS, follow_redirects=False, trust_env=False
        )

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics) -> Moderator | None:
        """None where moderation is not configured."""
        if settings.creem_api_key is None or not settings.creem_moderation:
            return None
        return cls(
            settings.creem_url,
            settings.creem_api_key.get_secret_value(),
            settings.creem_moderation_seconds,
            metrics,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def screen(self, texts: Iterable[str | None], external_id: str) -> None:
        """Returns if every text may be generated.

        Raises:
            RejectedError: prompt_rejected, or moderation_unavailable when there was no answer in time.
        """
        for text in texts:
            if text is None:
                continue
            decision = await self._decide(text, external_id)
            self._metrics.moderations.labels(decision).inc()
            if decision != "allow":
                code = "moderation_unavailable" if decision == "unavailable" else "prompt_rejected"
                raise RejectedError(code, Detail(f"moderation_{decision}"))

    async def _decide(self, text: str, external_id: str) -> str:
        until = time.monotonic() + self._seconds
        while True:
            try:
                return await self._ask(text, external_id)
            except _NoAnswerError as error:
                log.warning("moderation_unanswered", task_id=external_id, error=str(error))
                if error.is_final or time.monotonic() + PAUSE_SECONDS > until:
                    return "unavailable"
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, text: str, external_id: str) -> str:
        try:
            answer = await self._http.post(self._url, json={"prompt": text, "external_id": external_id})
        except httpx.HTTPError as error:
            raise _NoAnswerError(type(error).__name__, is_final=False) from None
        if not answer.is_success:
            raise _NoAnswerError(f"HTTP {answer.status_code}", is_final=answer.status_code not in TRANSIENT)
        try:
            return _Answer.model_validate_json(answer.content).decision
        except ValidationError:
            # A decision that this worker does not know is none.
            raise _NoAnswerError("an answer that makes no sense", is_final=True) from None
