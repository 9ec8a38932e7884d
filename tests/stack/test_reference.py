"""The reference says what the database does: its tables of codes and settings, and its list of RPCs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from functions_py.api.routes import DOCUMENT
from functions_py.errors import HTTP_CODES
from functions_py.local.tools import ROOT
from tests.support.database import connect

if TYPE_CHECKING:
    from functions_py.local.stack import Stack

REFERENCE = (ROOT / "functions_py" / "docs" / "reference.md").read_text()


def section(title: str) -> str:
    return REFERENCE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


async def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    async with connect(stack) as connection:
        found = await (await connection.execute(query.encode())).fetchall()
    return [tuple(row.values()) for row in found]


async def test_every_error_code_stands_in_the_reference_with_its_status(stack: Stack) -> None:
    documented = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", section("Errors"), re.MULTILINE)
    assert sorted((code, int(status), meaning) for code, status, meaning in documented) == sorted(
        await rows(stack, "select code, http_status, meaning from private.error_codes")
    )


def test_every_code_of_the_endpoints_stands_in_the_reference() -> None:
    documented = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", section("HTTP"), re.MULTILINE)
    assert {code: (int(status), meaning) for code, status, meaning in documented} == HTTP_CODES


async def test_every_failure_code_stands_in_the_reference(stack: Stack) -> None:
    documented = re.findall(r"`(\w+)`", section("Why a task fails").split("\n\n")[-1])
    assert sorted((code,) for code in documented) == sorted(
        await rows(stack, "select code from private.failure_codes")
    )


async def test_every_setting_stands_in_the_reference_with_its_default(stack: Stack) -> None:
    documented = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", section("Configuration"), re.MULTILINE)
    # The value that the migration wrote: other tests may have changed it since.
    query = """
        select s.key, coalesce(c.old_value, s.value)::text, s.description
        from public.system_configs as s
        left join lateral (
            select h.old_value from private.system_config_changes as h
            where h.key = s.key and h.old_value is not null order by h.id limit 1
        ) as c on true
    """
    assert sorted(documented) == sorted(await rows(stack, query))


async def test_every_rpc_stands_in_the_reference_with_its_arguments(stack: Stack) -> None:
    documented = [
        (name, [argument.split("=")[0].strip() for argument in arguments.split(",") if argument])
        for name, arguments in re.findall(r"^\| `(\w+)\(([^`]*)\)` \|", REFERENCE, re.MULTILINE)
    ]
    query = """
        select p.proname, coalesce(p.proargnames, '{}') from pg_proc as p
        where p.pronamespace = 'public'::regnamespace
    """
    assert sorted(documented) == sorted(
        (str(name), arguments) for name, arguments in await rows(stack, query)
    )


async def test_every_alert_stands_in_the_reference_with_its_severity(stack: Stack) -> None:
    documented = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", section("Alerts"), re.MULTILINE))
    query = r"""
        select distinct m[1] as kind, m[2] as severity from pg_proc as p
        cross join regexp_matches(
            p.prosrc, $re$(?:raise_alert|note_condition)\(\s*'(\w+)',\s*'(\w+)'$re$, 'g'
        ) as m
        where p.pronamespace in ('private'::regnamespace, 'worker_api'::regnamespace)
    """
    raised = await rows(stack, query)
    assert len(raised) > 8
    assert set(raised) - documented == set()


def test_every_endpoint_stands_in_the_reference() -> None:
    paths = json.loads(DOCUMENT)["paths"]
    assert {path for path in paths if f" {path}`" not in section("HTTP")} == set()
