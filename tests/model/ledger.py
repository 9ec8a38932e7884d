"""The rules of money, as a person would keep them: accounts, entries, debt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class OverdrawnError(Exception):
    """The balance does not cover the entry: nothing was posted."""


class Entry(NamedTuple):
    """What an entry of the ledger says; its place in the list is its number."""

    type: str
    amount: int
    balance_after: int
    debt_after: int
    task_id: str | None = None


@dataclass(eq=False)
class Account:
    """Belongs to a person, and stays when he is gone."""

    id: str
    user_id: str | None
    balance: int = 0
    debt: int = 0
    entries: list[Entry] = field(default_factory=list)
    keys: dict[tuple[str, str | None], object] = field(default_factory=dict)
    """Idempotency keys used with a verb, and what was asked for then."""

    def post(self, kind: str, amount: int, task_id: str | None = None) -> None:
        """One entry, and a repayment after it as long as somebody with credits owes some.

        Raises:
            OverdrawnError: it would take the balance below zero. Only of a refunded purchase the rest becomes
                debt.
        """
        owed = 0
        if kind == "purchase_refund":
            owed = max(-amount - self.balance, 0)
            amount += owed
        if self.balance + amount < 0:
            raise OverdrawnError
        self._write(kind, amount, self.debt + owed, task_id)
        if repaid := min(self.balance, self.debt):
            self._write("debt_repayment", -repaid, self.debt - repaid, None)

    def has(self, kind: str) -> bool:
        return any(entry.type == kind for entry in self.entries)

    def _write(self, kind: str, amount: int, debt: int, task_id: str | None) -> None:
        self.balance += amount
        self.debt = debt
        self.entries.append(Entry(kind, amount, self.balance, self.debt, task_id))
