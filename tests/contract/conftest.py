"""Fixtures of the tests that hold the stand-ins to the wire format of what they stand in for."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from functions_py.local.stack import Stack
from tests.contract.auth_http import API_VERSION, AuthApi
from tests.contract.storage_api import StorageApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Clients:
    """Makes supabase-py clients, each with sessions of its own, whose connections end with the test."""

    stack: Stack
    exits: contextlib.AsyncExitStack

    async def new(self, key: str = "PUBLISHABLE_KEY") -> AsyncClient:
        """A client with one of the stack's API keys and nobody signed in."""
        http = await self.exits.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=20))
        options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        return await acreate_client(self.stack.env["API_URL"], self.stack.env[key], options)


@pytest_asyncio.fixture
async def clients(stack: Stack) -> AsyncIterator[Clients]:
    """Makes supabase-py clients."""
    async with contextlib.AsyncExitStack() as exits:
        yield Clients(stack, exits)


@pytest_asyncio.fixture
async def auth(stack: Stack) -> AsyncIterator[AuthApi]:
    """Auth with the publishable key."""
    async with httpx.AsyncClient(base_url=stack.env["API_URL"], trust_env=False, timeout=20) as http:
        yield AuthApi(http, API_VERSION | {"apikey": stack.env["PUBLISHABLE_KEY"]})


@pytest_asyncio.fixture
async def auth_admin(stack: Stack, auth: AuthApi) -> AuthApi:
    """Auth with the secret key."""
    return auth.with_api_key(stack.env["SECRET_KEY"])


@pytest.fixture(scope="module")
def storage_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageApi]:
    """Storage on a platform of its own, with nothing of Reelbase in it."""
    directory: Path = tmp_path_factory.mktemp("storage")
    with (
        Stack.start("storage", state_dir=directory, services=("platform",), database="platform") as stack,
        httpx.Client(trust_env=False, timeout=60) as http,
    ):
        yield StorageApi(stack, http)
