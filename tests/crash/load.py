"""Customers who order all the time, and repeat an order whose answer was lost."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.support.worker import Customer

if TYPE_CHECKING:
    from random import Random

    from functions_py.local.stack import Stack
    from tests.crash.control import Control

CUSTOMERS: Final = 8
AT_ONCE: Final = 24
"""Live tasks that are kept up."""

WELL: Final = ("",)
MENDED: Final = (
    "[429:1]",
    "[503:1]",
    "[poll_503]",
    "[poll_drop]",
    "[cut:1]",
    "[drop]",
    "[empty200]",
    "[operror:1]",
)
"""Google stumbles, and the clip is delivered all the same."""
DOOMED: Final = (
    "[safety]",
    "[opsafety]",
    "[400]",
    "[notvideo]",
    "[noresult]",
    "[wronglength]",
    "[hang]",
    "[operror]",
)
"""No clip can come of these; the credits must come back."""


@dataclass(frozen=True)
class Order:
    task_id: str
    prompt: str
    is_valid: bool


@dataclass
class Load:
    """What was ordered, and by whom."""

    customers: list[Customer]
    control: Control
    random: Random
    orders: list[Order] = field(default_factory=list)
    repeated: int = 0
    """Orders whose answer did not come at first."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, stack: Stack, control: Control, random: Random) -> Any:
        async with contextlib.AsyncExitStack() as exits:
            customers = [
                await exits.enter_async_context(Customer.signed_up(stack, 10_000_000))
                for _ in range(CUSTOMERS)
            ]
            yield cls(customers, control, random)

    async def feed(self, tasks: int, is_over: asyncio.Event) -> None:
        """Keeps tasks live until so many were ordered and the faults are over."""
        while len(self.orders) < tasks or not is_over.is_set():
            missing = AT_ONCE - await self.control.count_live()
            await asyncio.gather(*(self.order(self._marker()) for _ in range(missing)))
            await asyncio.sleep(0.2)

    async def order(self, marker: str) -> Order:
        """One clip, with the same key again until there is an answer."""
        prompt = f"clip {len(self.orders) + self.repeated} {self.random.randrange(10**9)} {marker}".strip()
        customer, key = self.random.choice(self.customers), str(uuid.UUID(int=self.random.getrandbits(128)))
        while True:
            try:
                task_id = await customer.order(prompt, idempotency_key=key)
                break
            except httpx.HTTPStatusError as error:
                if error.response.status_code < 500:
                    raise AssertionError(f"an order was refused: {error.response.text}") from error
            except httpx.TransportError:
                pass
            self.repeated += 1
            await asyncio.sleep(0.3)
        placed = Order(task_id, prompt, is_valid=marker not in DOOMED)
        self.orders.append(placed)
        return placed

    def _marker(self) -> str:
        (kind,) = self.random.choices((WELL, MENDED, DOOMED), weights=(80, 12, 8))
        return self.random.choice(kind)
