"""Calling RPCs through supabase-py: the answer, or the error that was expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from postgrest import APIError

if TYPE_CHECKING:
    from supabase import AsyncClient

    from tests.support.people import Person


async def call(client: AsyncClient, name: str, **arguments: object) -> Any:
    """What the RPC answers."""
    return (await client.rpc(name, arguments).execute()).data


async def grant(service: AsyncClient, person: Person, amount: int, reason: str = "test") -> None:
    """Gives somebody credits; `service` has the secret key."""
    await call(service, "admin_grant_credits", user_id=str(person.id), amount=amount, reason=reason)


async def refused(client: AsyncClient, name: str, **arguments: object) -> tuple[str | None, Any]:
    """Code and parsed details of one of our own errors."""
    error = await _error(client, name, arguments)
    return error.code, json.loads(error.details or "null")


async def refused_by_platform(client: AsyncClient, name: str, **arguments: object) -> str | None:
    """The code of an error that is not ours, whose details are no JSON."""
    return (await _error(client, name, arguments)).code


async def _error(client: AsyncClient, name: str, arguments: dict[str, object]) -> APIError:
    with pytest.raises(APIError) as error:
        await call(client, name, **arguments)
    assert error.value.message
    return error.value
