"""One history: what has happened so far, and the comparison after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.model.house import DAY, House

if TYPE_CHECKING:
    from tests.model.database import Database
    from tests.model.ledger import Account
    from tests.model.orders import Order
    from tests.model.tasks import Task

ANY = st.integers(0, 1000)
"""Picks one of however many there are."""
KEYS = st.sampled_from(["key-1", "key-2", "key-3"])


class History(RuleBasedStateMachine):
    """People, their accounts, tasks and orders, the house, and a clock that only rules move."""

    database: ClassVar[Database]
    steps: ClassVar[int] = 0
    histories: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        History.histories += 1
        self.now = History.histories * 400 * DAY
        """Each history has days of its own: what was spent on them stays."""
        self.house = House()
        self.accounts: dict[str, Account] = {}
        """By id; the person is in them."""
        self.tasks: list[Task] = []
        self.orders: list[Order] = []
        self.unconfirmed: set[str] = set()
        self.former: list[str] = []
        """Deleted users, whose tokens live on."""

    def teardown(self) -> None:
        try:
            assert self.database.findings() == []
        finally:
            self.database.clear()

    @invariant()
    def the_books_are_equal(self) -> None:
        History.steps += 1
        assert self.database.books(self.accounts) == {
            account.id: {
                "user": account.user_id,
                "balance": account.balance,
                "debt": account.debt,
                "entries": account.entries,
                "tasks": {task.id: task.row for task in self.tasks if task.account is account},
                "orders": {order.id: order.row for order in self.orders if order.account is account},
            }
            for account in self.accounts.values()
        }

    @invariant()
    def the_house_is_equal(self) -> None:
        assert self.database.house() == {
            "is_open": self.house.is_open,
            "is_paused": self.house.is_paused,
            "cap": self.house.cap,
            "spent": self.house.spent(self.now // DAY),
            "jobs": len(self.live),
        }

    @property
    def people(self) -> list[Account]:
        return [account for account in self.accounts.values() if account.user_id is not None]

    @property
    def live(self) -> list[Task]:
        return [task for task in self.tasks if task.job is not None]

    def _person(self, who: int) -> Account:
        return self.people[who % len(self.people)]

    def _task(self, which: int) -> Task:
        return self.tasks[which % len(self.tasks)]

    def _pass(self, seconds: int = 2) -> None:
        self.now += seconds
        self.database.set_time(self.now)
