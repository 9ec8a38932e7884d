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


def test_ann_has_something_to_hide_wherever_she_may_look() -> None:
    tables = EXPECTED.read_text().split("## Tables and views", 1)[1].split("\n\n", 2)[1].splitlines()
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in tables)
    seen = {row[0]: row[header.index("Ann")] for row in rows if row[1] == "read"}
    assert set(seen.values()) == {"own", "-"}, seen
