"""What the shop knows: products, checkouts, transactions; as the objects that its API answers."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

TAX_PERCENT: Final = 21
PRODUCTS: Final = {"prod_local_small": 500, "prod_local_large": 4000}
"""On sale from the start: id and price in cents (USD)."""


@dataclass
class Shop:
    """One test shop."""

    url: str
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the id of their order, oldest first."""

    def __post_init__(self) -> None:
        for product_id, price in PRODUCTS.items():
            self.add_product({"price": price, "currency": "USD", "name": product_id}, product_id)

    def add_product(self, asked: dict[str, Any], product_id: str | None = None) -> dict[str, Any]:
        """A one-time product of a name, price and currency."""
        product = {
            "id": product_id or _id("prod"),
            "object": "product",
            "mode": "test",
            "status": "active",
            "billing_type": "onetime",
            "tax_mode": "exclusive",
            "created_at": _now(),
            "updated_at": _now(),
        } | {name: asked[name] for name in ("name", "price", "currency")}
        self.products[product["id"]] = product
        return product

    def open_checkout(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """None for a product that is not sold here."""
        if asked.get("product_id") not in self.products:
            return None
        checkout_id = _id("ch")
        self.checkouts[checkout_id] = {
            "id": checkout_id,
            "object": "checkout",
            "mode": "test",
            "status": "pending",
            "checkout_url": f"{self.url}/pay/{checkout_id}",
            "product": asked["product_id"],
            "units": asked.get("units", 1),
        } | {name: asked[name] for name in ("request_id", "metadata", "success_url") if name in asked}
        return self.checkouts[checkout_id]

    def pay(self, checkout_id: str, changes: dict[str, Any]) -> None:
        """Completes a checkout; `changes` are of the order, for what a buyer could not do."""
        checkout = self.checkouts[checkout_id]
        product = self.products[checkout["product"]]
        amount = product["price"] * checkout["units"]
        tax = amount * TAX_PERCENT // 100
        order = {
            "id": _id("ord"),
            "object": "order",
            "customer": _id("cust"),
            "product": product["id"],
            "transaction": _id("tran"),
            "amount": amount,
            "sub_total": amount,
            "tax_amount": tax,
            "discount_amount": 0,
            "amount_due": amount + tax,
            "amount_paid": amount + tax,
            "currency": product["currency"],
            "status": "paid",
            "type": "onetime",
            "mode": "test",
            "created_at": _now(),
            "updated_at": _now(),
        } | changes
        self.transactions[order["id"]] = {
            "id": order["transaction"],
            "object": "transaction",
            "amount": order["amount"],
            "amount_paid": order["amount_paid"],
            "currency": order["currency"],
            "type": "payment",
            "tax_country": "NL",
            "tax_amount": tax,
            "status": "paid",
            "refunded_amount": 0,
            "order": order["id"],
            "customer": order["customer"],
            "mode": order["mode"],
            "created_at": _milliseconds(),
        }
        checkout |= {"status": "completed", "order": order}

    def completed(self, checkout: dict[str, Any]) -> dict[str, Any]:
        """A checkout as `checkout.completed` shows it: with whole objects in place of ids."""
        customer = {
            "id": checkout["order"]["customer"],
            "object": "customer",
            "mode": "test",
            "country": "NL",
            "email": "ada@example.com",
            "name": "Ada Lovelace",
        }
        product = self.products[checkout["product"]]
        return checkout | {"product": product, "customer": customer, "custom_fields": []}

    def give_back(self, order_id: str, amount: int | None) -> dict[str, Any]:
        """A refund, of everything that is left or of a part; the object of `refund.created`."""
        transaction = self.transactions[order_id]
        left = transaction["amount_paid"] - transaction["refunded_amount"]
        amount = left if amount is None else amount
        transaction["refunded_amount"] += amount
        transaction["status"] = "refunded" if amount == left else "partialRefund"
        return {
            "id": _id("ref"),
            "object": "refund",
            "status": "succeeded",
            "mode": "test",
            "refund_amount": amount,
            "refund_currency": transaction["currency"],
            "reason": "requested_by_customer",
            "transaction": dict(transaction),
            "order": {"id": order_id, "object": "order"},
            "created_at": _milliseconds(),
        }

    def dispute(self, order_id: str) -> dict[str, Any]:
        """A chargeback; the object of `dispute.created`."""
        transaction = self.transactions[order_id]
        transaction |= {"status": "chargeback", "refunded_amount": transaction["amount_paid"]}
        return {
            "id": _id("disp"),
            "object": "dispute",
            "mode": "test",
            "amount": transaction["amount_paid"],
            "currency": transaction["currency"],
            "transaction": dict(transaction),
            "order": {"id": order_id, "object": "order"},
            "created_at": _milliseconds(),
        }


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _milliseconds() -> int:
    return int(time.time() * 1000)
