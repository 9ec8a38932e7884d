"""The types that clients are given say what the database says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from functions_py.local.client_types import FILES, generate
from functions_py.local.tools import ROOT
from tests.support.database import connect

if TYPE_CHECKING:
    from functions_py.local.stack import Stack

SHAPES = (ROOT / "supabase" / "types" / "index.ts").read_text()
_LISTED = "select (regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g'))[1] from pg_constraint"


@pytest.mark.parametrize("language", FILES)
def test_the_generated_types_are_those_of_the_schema(stack: Stack, language: str) -> None:
    kept = FILES[language].read_text()
    assert kept.splitlines() == generate(stack, language).splitlines(), "the schema changed: run `make types`"


async def test_every_rpc_has_the_shape_of_its_answer(stack: Stack) -> None:
    query = "select proname from pg_proc where pronamespace = 'public'::regnamespace"
    assert members("Answers") == await column(stack, query), "supabase/types/index.ts: Answers"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("ErrorCode", "select code from private.error_codes"),
        ("FailureCode", "select code from private.failure_codes"),
        ("TaskStatus", f"{_LISTED} where conname = 'status_is_known'"),
        ("EntryType", f"{_LISTED} where conname = 'entry_type_is_known'"),
    ],
)
async def test_a_list_of_codes_is_complete(stack: Stack, name: str, query: str) -> None:
    assert union(name) == await column(stack, query), f"supabase/types/index.ts: {name}"


def test_details_are_described_for_codes_there_are() -> None:
    assert set(members("ErrorDetails")) <= set(union("ErrorCode"))


def union(name: str) -> list[str]:
    """The members of a union of texts in index.ts."""
    match = re.search(rf"^export type {name} =([^\n]*(?:\n  \|[^\n]*)*)", SHAPES, re.MULTILINE)
    assert match is not None
    return sorted(re.findall(r"'([^']+)'", match[1]))


def members(name: str) -> list[str]:
    """The fields of an interface or an object type in index.ts."""
    start = rf"^export (?:interface {name}|type {name} =) "
    match = re.search(start + r"{\n(.*?)^}", SHAPES, re.MULTILINE | re.DOTALL)
    assert match is not None
    return sorted(re.findall(r"^  (\w+)\??:", match[1], re.MULTILINE))


async def column(stack: Stack, query: str) -> list[str]:
    """What a query of one column finds."""
    async with connect(stack) as connection:
        rows = await (await connection.execute(query.encode())).fetchall()
    return sorted(str(value) for row in rows for value in row.values())
