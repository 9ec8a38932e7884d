"""A database of their own for tests that race: no worker, no cron job and no other test meets them.

Each test starts without tasks, and after each the audit must be clean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import pytest_asyncio

from tests.concurrency.shop import Shop
from tests.support.sessions import observer
from tests.support.stacks import still_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Postgres with the migrations, and nothing else."""
    with still_stack("postgres") as started:
        with psycopg.connect(started.admin_db_url, autocommit=True) as connection:
            # Far above what any test waits: one that went wrong fails instead of waiting for itself.
            connection.execute("alter database postgres set lock_timeout = '30s'")
        yield started


@pytest_asyncio.fixture
async def watch(stack: Stack) -> AsyncIterator[Observer]:
    """Sees which session waits for which."""
    async with observer(stack) as watching:
        yield watching


@pytest_asyncio.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Users, orders and settings; everything is settled and gone afterwards."""
    async with Shop.opened(stack) as opened:
        yield opened
        await opened.assert_settled()
        await opened.clear()
