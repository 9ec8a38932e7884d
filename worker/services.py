"""What every step of a job works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from worker.clock import Pace
    from worker.database import Database
    from worker.metrics import Metrics
    from worker.moderation import Moderator
    from worker.providers.base import Provider
    from worker.settings import Settings
    from worker.storage import SupabaseStorage
    from worker.webhooks import WebhookSender


@dataclass(frozen=True, slots=True)
class Services:
    """One per process. ``images`` bounds how many reference images are in memory at once.

    ``moderator`` is None where no moderation is configured.
    Without a secret to sign with there is no sender of ``webhooks``.
    """

    settings: Settings
    database: Database
    storage: SupabaseStorage
    providers: dict[str, Provider]
    metrics: Metrics
    pace: Pace
    images: asyncio.Semaphore
    moderator: Moderator | None
    webhooks: WebhookSender | None
