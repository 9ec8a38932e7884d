"""Callers of the stack's HTTP functions; and functions in this process, for what a stack cannot show."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx

from functions_py.app import create_app
from functions_py.settings import Settings
from tests.support.people import service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.support.people import Person


@contextlib.asynccontextmanager
async def caller(stack: Stack, credit: int = 0) -> AsyncIterator[tuple[Person, httpx.AsyncClient]]:
    """A fresh user with credits, and an HTTP client that sends his access token to the functions."""
    person = await sign_up(stack)
    if credit:
        await grant(stack, person, credit)
    async with functions(stack) as http:
        http.headers["authorization"] = f"Bearer {person.access_token}"
        yield person, http


def functions(stack: Stack) -> httpx.AsyncClient:
    """An HTTP client of the stack's functions, signed out."""
    return httpx.AsyncClient(base_url=stack.env["FUNCTIONS_URL"], trust_env=False, timeout=60)


async def grant(stack: Stack, person: Person, amount: int) -> None:
    service = await service_client(stack)
    await service.rpc(
        "admin_grant_credits", {"user_id": str(person.id), "amount": amount, "reason": "test"}
    ).execute()


@contextlib.asynccontextmanager
async def functions_with(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The application in this process, with other settings than the stack's."""
    required = {"supabase_url": "http://127.0.0.1:1", "supabase_publishable_key": "sb_publishable_x"}
    app = create_app(Settings.model_validate(required | settings))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://functions") as http,
    ):
        yield http
