"""What an administrator does through supabase-py; the examples of the manual run as they stand.

The worker does not run meanwhile: an order stays `pending`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio

from functions_py.local.tools import ROOT
from tests.contract.rpc import call, grant, refused, refused_by_platform
from tests.support.people import service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supabase import AsyncClient

    from functions_py.local.stack import Stack
    from tests.support.people import Person

MANUAL = ROOT / "functions_py" / "docs" / "admin.md"


@pytest.fixture(scope="module", autouse=True)
def _no_worker(stack: Stack) -> Iterator[None]:
    stack.stop("worker")
    yield
    stack.start_service("worker")


@pytest_asyncio.fixture
async def admin(stack: Stack) -> AsyncClient:
    """An administrator's client."""
    return (await sign_up(stack, admin=True, name="admin")).client


@pytest_asyncio.fixture
async def person(stack: Stack) -> Person:
    """Somebody with 200 credits."""
    somebody = await sign_up(stack)
    await grant(await service_client(stack), somebody, 200)
    return somebody


async def test_an_administrator_finds_a_user_and_all_about_his_videos(
    admin: AsyncClient, person: Person
) -> None:
    task = await call(person.client, "generate_video", prompt="A kite", duration=4)
    await call(person.client, "cancel_video", task_id=task["task_id"])

    [user] = (await call(admin, "admin_list_users", search=person.email))["items"]
    assert (user["user_id"], user["balance"], user["tasks"]) == (str(person.id), 200, 1)
    stats = await call(admin, "admin_get_user_video_stats", user_id=user["user_id"])
    assert (stats["videos"]["cancelled"], stats["credits"]["consumed"]) == (1, 0)
    [video] = (await call(admin, "admin_list_user_videos", user_id=user["user_id"]))["items"]
    assert (video["task_id"], video["prompt"], video["refunded_credits"]) == (task["task_id"], "A kite", 40)
    trail = await call(admin, "admin_get_video", task_id=task["task_id"])
    assert [entry["amount"] for entry in trail["ledger"]] == [-40, 40]


async def test_a_null_is_a_value_and_a_bad_one_is_told_what_fits(admin: AsyncClient) -> None:
    key = "video_daily_cost_alert_usd"
    assert (await call(admin, "admin_set_config", key=key, value=12.5, reason="test"))["value"] == 12.5
    assert (await call(admin, "admin_set_config", key=key, value=None, reason="test"))["value"] is None
    code, details = await refused(admin, "admin_set_config", key=key, value="much", reason="test")
    assert (code, details["parameter"], details["allowed"]["minimum"]) == ("invalid_parameter", "value", 0)


async def test_the_dashboard_takes_days_and_counts_todays_orders(admin: AsyncClient, person: Person) -> None:
    before = (await call(admin, "admin_get_dashboard"))["totals"]["tasks"]
    await call(person.client, "generate_video", prompt="A kite", duration=4)
    dashboard = await call(admin, "admin_get_dashboard")
    assert dashboard["totals"]["tasks"] == before + 1
    one_day = await call(admin, "admin_get_dashboard", **{"from": dashboard["to"], "to": dashboard["to"]})
    assert one_day["from"] == one_day["to"] == dashboard["to"]
    code, details = await refused(admin, "admin_get_dashboard", **{"from": "2031-01-02", "to": "2031-01-01"})
    assert (code, details["allowed"]["maximum_days"]) == ("invalid_parameter", 92)


async def test_nobody_else_sees_or_changes_any_of_it(stack: Stack, person: Person) -> None:
    assert (await refused(person.client, "admin_list_users"))[0] == "not_admin"
    assert (await refused(person.client, "admin_get_video", task_id=str(uuid4())))[0] == "not_admin"
    service = await service_client(stack)
    change = {"key": "video_rollout_percent", "value": 0, "reason": "test"}
    assert (await refused(person.client, "admin_set_config", **change))[0] == "not_admin"
    assert await refused_by_platform(service, "admin_set_config", **change) == "42501"


async def test_the_examples_of_the_manual_run_as_they_stand(admin: AsyncClient, person: Person) -> None:
    for prompt in ("A kite", "A boat"):
        await call(person.client, "generate_video", prompt=prompt, duration=4)
    told: list[str] = []
    names = {"admin": admin, "email": person.email, "print": lambda *values: told.append(str(values))}
    examples = re.findall(r"^( *)```python\n(.*?)^\1```", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    for _, example in examples:
        code = compile(textwrap.dedent(example), MANUAL.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        await eval(code, names)  # noqa: S307 - our own manual

    assert len(examples) >= 10
    # What they did: the first video by hand, the second by the roll-back; all is open again.
    videos = (await call(admin, "admin_list_user_videos", user_id=str(person.id), sort="created_at.asc"))[
        "items"
    ]
    assert [video["error"]["code"] for video in videos] == ["admin_refunded", "rolled_back"]
    assert (await call(person.client, "get_credits"))["balance"] == 240
    opened = await call(person.client, "get_video_availability")
    assert (opened["enabled"], opened["in_rollout"], opened["message"]) == (True, True, None)
    assert "('applied', 200)" in told
