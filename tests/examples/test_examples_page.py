"""The page of examples says what the API really answers, and leaves nothing of the API out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from functions_py.api.routes import DOCUMENT
from functions_py.errors import HTTP_CODES
from functions_py.local.stack import Stack
from tests.examples.build import SERVICES, page_of, told
from tests.examples.page import PAGE
from tests.support.database import connect
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.examples.page import Telling

NOT_PROVOKED: Final = {
    "internal_error": "a mistake of ours",
    "upstream_unavailable": "Supabase, or what stands behind it, is down",
    "payments_unavailable": "the payment provider is down",
    "prompt_rejected": "no RPC raises it: tasks fail with it",
}
"""Codes that a caller cannot bring about."""


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    with own_name() as name, Stack.start(name, services=SERVICES) as started:
        yield started


@pytest_asyncio.fixture(scope="module")
async def telling(own_stack: Stack) -> Telling:
    return await told(own_stack)


def targets(telling: Telling) -> set[str]:
    """What was called, without the query."""
    return {call.split("?")[0] for call, _ in telling.told}


async def column(stack: Stack, query: str) -> set[str]:
    async with connect(stack) as connection:
        found = await (await connection.execute(query.encode())).fetchall()
    return {str(*row.values()) for row in found}


async def test_every_example_is_what_a_new_run_answers(telling: Telling) -> None:
    assert page_of(telling).splitlines() == PAGE.read_text().splitlines()


async def test_every_rpc_has_an_example_that_succeeds(own_stack: Stack, telling: Telling) -> None:
    names = await column(own_stack, "select proname from pg_proc where pronamespace = 'public'::regnamespace")
    prefix = "POST /rest/v1/rpc/"
    assert names == {
        call.removeprefix(prefix)
        for call, answer in telling.told
        if call.startswith(prefix) and answer.is_success
    }


async def test_every_relation_that_users_read_has_an_example(own_stack: Stack, telling: Telling) -> None:
    readable = await column(
        own_stack,
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
        " and has_any_column_privilege('authenticated', oid, 'select')",
    )
    told_of = {re.sub(r"^\w+ /rest/v1/", "", target) for target in targets(telling)}
    assert readable - told_of == set()


def test_every_endpoint_has_an_example(telling: Telling) -> None:
    document: dict[str, Any] = json.loads(DOCUMENT)
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method in {"get", "post"}
    }
    calls = {re.sub(r"\{\w+\}", "{}", target) for target in targets(telling)}
    assert {re.sub(r"\{\w+\}", "{}", endpoint) for endpoint in described} - calls == set()


async def test_every_error_code_has_an_example(own_stack: Stack, telling: Telling) -> None:
    codes = await column(own_stack, "select code from private.error_codes") | set(HTTP_CODES)
    seen = {json.loads(answer.content)["code"] for _, answer in telling.told if answer.is_error}
    assert codes - seen == set(NOT_PROVOKED)


async def test_every_failure_code_is_explained_to_users(own_stack: Stack) -> None:
    guide = (PAGE.parent / "user-guide.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)`: ", guide, re.MULTILINE))
    assert explained == await column(own_stack, "select code from private.failure_codes")
