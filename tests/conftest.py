"""Fixtures of all tests. One stack per run is shared: a test makes its own users and looks at its own rows.

A test that stops or restarts services of the shared stack puts them back; one that breaks more starts its own
(`Stack.start("some-name")`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.database import connect
from tests.support.people import close_connections
from tests.support.stacks import shared_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from functions_py.local.stack import Stack
    from tests.support.database import Connection


_LAST = ("contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for seconds at a time come first, so that none is left alone with them at the end."""
    items.sort(key=lambda item: _LAST.index(name) + 1 if (name := item.path.parent.name) in _LAST else 0)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running stack of this pytest process."""
    with shared_stack() as started:
        yield started


@pytest_asyncio.fixture(scope="session", autouse=True)
async def _connections_are_closed() -> AsyncIterator[None]:
    yield
    await close_connections()


@pytest_asyncio.fixture
async def admin(stack: Stack) -> AsyncIterator[Connection]:
    """The database as its superuser, supabase_admin: sees and may do everything."""
    async with connect(stack, "supabase_admin") as connection:
        yield connection


@pytest_asyncio.fixture
async def postgres(stack: Stack) -> AsyncIterator[Connection]:
    """The database as role postgres, which owns Reelbase's objects and bypasses row level security."""
    async with connect(stack, "postgres") as connection:
        yield connection
