"""Webhooks: sends what the database has in its outbox, signed, and says how it went."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import psycopg
import structlog

from worker import __version__
from worker.database import DatabaseUnavailableError
from worker.signatures import signed_headers, webhook_keys

if TYPE_CHECKING:
    from pydantic import SecretStr

    from worker.contract import Webhook
    from worker.services import Services

# Well inside a lease, which nobody extends for a message.
SEND_SECONDS: Final = 15.0

log = structlog.get_logger()


class WebhookSender:
    """One receiver answers 2xx to accept; anything else, also a redirect, is sent again later."""

    def __init__(self, secret: SecretStr) -> None:
        self._keys = webhook_keys(secret.get_secret_value())
        self._http = httpx.AsyncClient(
            timeout=SEND_SECONDS,
            follow_redirects=False,
            headers={"content-type": "application/json", "user-agent": f"reelbase-worker/{__version__}"},
        )

    async def send(self, webhook: Webhook) -> str | None:
        """Why the receiver did not accept it; None if he did."""
        if urlsplit(webhook.url).scheme not in {"http", "https"}:
            return "the URL is neither https:// nor http://"
        body = webhook.body.encode()
        headers = signed_headers(self._keys, str(webhook.delivery_id), int(time.time()), body)
        try:
            # Only the status counts: an answer that never ends is not read.
            async with (
                asyncio.timeout(SEND_SECONDS),
                self._http.stream("POST", webhook.url, content=body, headers=headers) as answer,
            ):
                return None if answer.is_success else f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return f"{type(error).__name__}: {error}".removesuffix(": ")

    async def close(self) -> None:
        await self._http.aclose()


async def run_webhook(webhook: Webhook, sender: WebhookSender, services: Services) -> None:
    """Sends it and says so; after a failure the database decides when to try again."""
    failure = await sender.send(webhook)
    try:
        if failure is None:
            await services.database.complete_webhook(webhook)
        else:
            await services.database.fail_webhook(webhook, {"error": failure})
    except (DatabaseUnavailableError, psycopg.Error) as error:
        log.warning("webhook_not_recorded", delivery_id=str(webhook.delivery_id), error=str(error))
        return
    services.metrics.webhooks.labels("failed" if failure else "delivered").inc()
    if failure is not None:
        log.warning(
            "webhook_failed", delivery_id=str(webhook.delivery_id), attempt=webhook.attempt, error=failure
        )
