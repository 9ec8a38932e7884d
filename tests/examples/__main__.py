"""`python -m tests.examples`: writes the page of examples anew. Read the difference before you commit it."""

from __future__ import annotations

import asyncio

from functions_py.local.stack import Stack
from tests.examples.build import SERVICES, page_of, told
from tests.examples.page import PAGE
from tests.support.people import close_connections
from tests.support.stacks import own_name


async def _write(stack: Stack) -> None:
    try:
        PAGE.write_text(page_of(await told(stack)))
    finally:
        await close_connections()


def main() -> None:
    with own_name() as name, Stack.start(name, services=SERVICES) as stack:
        asyncio.run(_write(stack))


if __name__ == "__main__":
    main()
