"""`python -m tests.rights`: writes the matrix anew. Read the difference before you commit it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.rights.cast import SERVICES, assemble
from tests.rights.matrix import EXPECTED, build
from tests.support.people import close_connections
from tests.support.stacks import still_stack

if TYPE_CHECKING:
    from functions_py.local.stack import Stack


async def _write(stack: Stack) -> None:
    try:
        EXPECTED.write_text(await build(stack, await assemble(stack)))
    finally:
        await close_connections()


def main() -> None:
    with still_stack(*SERVICES) as stack:
        asyncio.run(_write(stack))


if __name__ == "__main__":
    main()
