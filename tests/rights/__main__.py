"""`python -m tests.rights`: writes the matrix anew. Read the difference before you commit it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from functions_py.local.stack import Stack
from tests.rights.cast import assemble
from tests.rights.matrix import EXPECTED, build
from tests.support.people import close_connections
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from functions_py.local.stack import Stack as RunningStack


async def _write(stack: RunningStack) -> None:
    try:
        EXPECTED.write_text(await build(stack, await assemble(stack)))
    finally:
        await close_connections()


def main() -> None:
    with own_name() as name, Stack.start(name, services=("postgrest", "platform")) as stack:
        asyncio.run(_write(stack))


if __name__ == "__main__":
    main()
