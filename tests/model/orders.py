"""Purchases: facts that a payment provider tells in any order and any number of times, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tests.model.ledger import Account


class Package(NamedTuple):
    id: str
    credits: int
    price: int
    with_tax: int


PACKAGES: Final = (Package("small", 100, 499, 594), Package("large", 350, 1500, 1785))


@dataclass(eq=False)
class Order:
    id: str
    buyer: Account
    user: str
    package: Package
    account: Account | None = None
    """Known once the order is told of while its user is still there."""
    price: int | None = None
    """What was paid without tax; None: not paid yet."""
    went_back: int = 0
    is_disputed: bool = False
    has_given: bool = False
    taken_back: int = 0

    def hear(self, kind: str, price: int, went_back: int) -> str:
        """What the provider is answered."""
        before = (self.status, self.went_back)
        if self.account is None and self.buyer.user_id is not None:
            self.account = self.buyer
        self.went_back = max(self.went_back, went_back)
        self.is_disputed |= kind == "disputed"
        if kind == "paid" and not self.has_given:
            self.price = price
        self._settle()
        if self.problem is not None:
            return "held"
        return "already_applied" if before == (self.status, self.went_back) else "applied"

    def _settle(self) -> None:
        """Credits once; back goes the part of them that was paid back, rounded down."""
        if self.price is None or self.problem is not None:
            return
        assert self.account is not None
        if not self.has_given:
            self.account.post("purchase", self.package.credits)
            self.has_given = True
        share = self.package.credits * self.went_back // self.package.with_tax
        if share > self.taken_back:
            self.account.post("purchase_refund", self.taken_back - share)
            self.taken_back = share

    @property
    def problem(self) -> str | None:
        """Why what is paid gives no credits."""
        if self.price is None or self.has_given:
            return None
        if self.account is None or self.account.user_id is None:
            return "unknown_user"
        return "wrong_amount" if self.price != self.package.price else None

    @property
    def status(self) -> str:
        if self.price is None:
            return "open"
        if self.problem is not None:
            return "held"
        if self.is_disputed:
            return "disputed"
        if self.went_back == 0:
            return "paid"
        return "refunded" if self.went_back == self.package.with_tax else "partially_refunded"

    @property
    def row(self) -> list[object]:
        """As it stands in the database."""
        return [self.status, self.taken_back]
