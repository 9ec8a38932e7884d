"""Creem's events and objects, and what they mean. Unknown fields are ignored: Creem adds some."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from functions_py.payments.notices import Kind, Mode, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDER: Final = "creem"
# Creem calls its test mode by two names. A third one ("local", in samples) is nobody's money.
MODES: Final[Mapping[str, Mode]] = {"prod": "prod", "test": "test", "sandbox": "test"}
_PERSONAL: Final = frozenset({"email", "name", "custom_fields", "license_keys", "phone", "address"})


def _identifier(value: object) -> object:
    """Creem names an object by its id in some places and puts the object itself in others."""
    return value.get("id") if isinstance(value, dict) else value


Json: TypeAlias = Any
Identifier = Annotated[str, BeforeValidator(_identifier)]
Amount = Annotated[int, Field(ge=0, le=2_000_000_000)]


class CreemObject(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Order(CreemObject):
    id: str
    product: Identifier
    amount: Amount
    discount_amount: Amount | None = None
    amount_paid: Amount | None = None
    currency: str
    status: str
    type: str = "onetime"
    mode: str


class Checkout(CreemObject):
    """`order` is there once it is paid."""

    id: str
    status: str
    request_id: str | None = None
    order: Order | None = None
    units: Annotated[int, Field(ge=1)] | None = None
    checkout_url: str | None = None
    metadata: dict[str, Any] | None = None
    mode: str


class Transaction(CreemObject):
    """A payment of an order, with all that has gone back of it."""

    id: str
    order: Identifier | None = None
    amount: Amount
    amount_paid: Amount | None = None
    refunded_amount: Amount | None = None
    currency: str
    status: str
    created_at: float = 0
    mode: str

    @property
    def paid(self) -> int:
        """With tax."""
        return self.amount_paid or self.amount

    @property
    def is_disputed(self) -> bool:
        return self.status == "chargeback"


class Refund(CreemObject):
    status: str
    refund_amount: Amount
    transaction: Transaction
    order: Identifier | None = None
    mode: str


class Dispute(CreemObject):
    amount: Amount
    transaction: Transaction
    order: Identifier | None = None
    mode: str


class Event(CreemObject):
    """The envelope. ``created_at`` in milliseconds."""

    id: Annotated[str, Field(min_length=1, max_length=255)]
    type: Annotated[str, Field(alias="eventType", min_length=1, max_length=255)]
    created_at: float
    object: dict[str, Any]


def read_event(event: Event, mode: Mode) -> Notice:
    """What an event means to an installation of that mode. Never raises: what makes no sense is a problem."""
    try:
        notice = _READERS.get(event.type, _other)(event)
    except ValidationError:
        notice = _notice(event, "other", problem="not_understood")
    if notice.kind != "other" and notice.mode != mode:
        return _notice(event, "other", problem="wrong_mode")
    return notice


def paid(checkout: Checkout, event: Event) -> Notice:
    """A completed checkout, by whichever way we heard of it."""
    order = checkout.order
    if checkout.status != "completed" or order is None or order.status != "paid":
        return _notice(event, "other", problem="not_paid")
    if order.type != "onetime":
        return _notice(event, "other", problem="recurring_product")
    return _notice(
        event,
        "paid",
        order_id=order.id,
        payment_id=_uuid(checkout.request_id),
        user_id=_uuid((checkout.metadata or {}).get("user_id")),
        checkout_id=checkout.id,
        product_id=order.product,
        mode=MODES.get(order.mode),
        units=checkout.units or 1,
        amount=order.amount,
        discount_amount=order.discount_amount or 0,
        currency=order.currency.upper(),
        paid_amount=order.amount_paid,
    )


def gone_back(
    transaction: Transaction, event: Event, kind: Kind, at_least: int, order_id: str | None
) -> Notice:
    """Money that went back: what the transaction counts, or this step if it counts less."""
    order_id = order_id or transaction.order
    if order_id is None:
        return _notice(event, "other", problem="no_order")
    return _notice(
        event,
        kind,
        order_id=order_id,
        mode=MODES.get(transaction.mode),
        paid_amount=transaction.paid,
        refunded_amount=max(transaction.refunded_amount or 0, at_least),
    )


def _checkout_completed(event: Event) -> Notice:
    return paid(Checkout.model_validate(event.object), event)


def _refund_created(event: Event) -> Notice:
    refund = Refund.model_validate(event.object)
    if refund.status != "succeeded":
        return _other(event)
    return gone_back(refund.transaction, event, "refunded", refund.refund_amount, refund.order)


def _dispute_created(event: Event) -> Notice:
    dispute = Dispute.model_validate(event.object)
    # A chargeback takes everything, whatever part of it the cardholder contests.
    whole = max(dispute.amount, dispute.transaction.paid)
    return gone_back(dispute.transaction, event, "disputed", whole, dispute.order)


def _other(event: Event) -> Notice:
    return _notice(event, "other")


_READERS: Final = {
    "checkout.completed": _checkout_completed,
    "refund.created": _refund_created,
    "dispute.created": _dispute_created,
}


def _notice(event: Event, kind: Kind, **facts: Json) -> Notice:
    return Notice(
        provider=PROVIDER,
        event_id=event.id,
        event_type=event.type,
        payload=without_the_person(event.object),
        kind=kind,
        occurred_at=_time(event.created_at),
        **facts,
    )


def without_the_person(payload: Json) -> Json:
    """An event without name, address and free text of the customer: Creem keeps those, we need none of it."""
    if isinstance(payload, dict):
        return {key: without_the_person(value) for key, value in payload.items() if key not in _PERSONAL}
    if isinstance(payload, list):
        return [without_the_person(item) for item in payload]
    return payload


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _time(milliseconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return None
