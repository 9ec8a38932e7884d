"""Compares with the provider now and then, beside the server."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from functions_py.errors import ApiError, UpstreamError
from functions_py.payments.creem.reconcile import reconcile

if TYPE_CHECKING:
    from functions_py.services import Services

log = structlog.get_logger()


async def reconcile_for_ever(services: Services) -> None:
    """Returns at once where there is nothing to compare; several servers may do this at the same time."""
    pause = services.settings.creem_reconcile_seconds
    if services.settings.creem_api_key is None or pause == 0:
        return
    while True:
        # Jitter: servers that were started together should not ask together.
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311
        try:
            await reconcile(services)
        except (ApiError, UpstreamError) as error:
            log.warning("reconcile_failed", error=str(error))
        except Exception:
            log.critical("reconcile_broken", exc_info=True)
