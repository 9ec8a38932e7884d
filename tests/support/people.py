"""People for tests: users who really signed up through Auth, each with clients of their own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
from supabase import AsyncClient, AsyncClientOptions, acreate_client

if TYPE_CHECKING:
    from functions_py.local.stack import Stack

PASSWORD = "correct horse battery staple"

# One pool of connections for everybody: supabase-py cannot close one that a client opened by itself.
_http = httpx.AsyncClient(timeout=60, follow_redirects=True, trust_env=False)


@dataclass(frozen=True)
class Person:
    """A signed-in user."""

    id: UUID
    email: str
    access_token: str
    client: AsyncClient
    """supabase-py, signed in as this user."""


async def service_client(stack: Stack) -> AsyncClient:
    """supabase-py with the secret key: role service_role."""
    return await _client(stack, "SECRET_KEY")


async def anonymous_client(stack: Stack) -> AsyncClient:
    """supabase-py with the publishable key and nobody signed in: role anon."""
    return await _client(stack, "PUBLISHABLE_KEY")


async def sign_up(stack: Stack, *, admin: bool = False, name: str = "person") -> Person:
    """Creates a user with a fresh address through Auth's admin API and signs him in.

    Args:
        stack: where.
        admin: gives him `app_metadata.role = 'admin'`.
        name: begins the address, so that a failing test shows who it was.
    """
    email = f"{name}-{secrets.token_hex(6)}@example.com"
    service = await service_client(stack)
    await service.auth.admin.create_user(
        {
            "email": email,
            "password": PASSWORD,
            "email_confirm": True,
            "app_metadata": {"role": "admin"} if admin else {},
        }
    )
    client = await anonymous_client(stack)
    signed_in = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    if signed_in.user is None or signed_in.session is None:
        raise AssertionError(f"{email} could not sign in")
    return Person(UUID(signed_in.user.id), email, signed_in.session.access_token, client)


async def close_connections() -> None:
    """Closes the connections of all clients made here; the end of a test run."""
    await _http.aclose()


async def _client(stack: Stack, key: str) -> AsyncClient:
    # No background task that would outlive the test.
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=_http)
    return await acreate_client(stack.env["API_URL"], stack.env[key], options)
