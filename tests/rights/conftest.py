"""A stack on which nothing moves by itself, so every row stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rights.cast import SERVICES
from tests.support import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from functions_py.local.stack import Stack


@pytest.fixture(scope="session")
def still_stack() -> Iterator[Stack]:
    with stacks.still_stack(*SERVICES) as stack:
        yield stack
