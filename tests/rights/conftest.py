"""A stack on which nothing moves by itself: no worker, so every row stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions_py.local.stack import Stack
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def still_stack() -> Iterator[Stack]:
    with own_name() as name, Stack.start(name, services=("postgrest", "platform")) as stack:
        yield stack
