"""The matrix of rights is what expected.md says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rights.cast import assemble
from tests.rights.matrix import EXPECTED, build

if TYPE_CHECKING:
    from functions_py.local.stack import Stack


async def test_everybody_may_do_what_the_matrix_says_and_no_more(still_stack: Stack) -> None:
    matrix = await build(still_stack, await assemble(still_stack))
    assert matrix.splitlines() == EXPECTED.read_text().splitlines()
