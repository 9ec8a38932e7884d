"""The page of examples says what the API really answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions_py.local.stack import Stack
from tests.examples.build import SERVICES, page_of, told
from tests.examples.page import PAGE
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    with own_name() as name, Stack.start(name, services=SERVICES) as started:
        yield started


async def test_every_example_is_what_a_new_run_answers(own_stack: Stack) -> None:
    assert page_of(await told(own_stack)).splitlines() == PAGE.read_text().splitlines()
