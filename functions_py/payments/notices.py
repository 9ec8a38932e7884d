"""What a provider says of one order, in neutral words, and its way into the database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from uuid import UUID

    from functions_py.supabase_rpc import Supabase

log = structlog.get_logger()

Kind = Literal["paid", "refunded", "disputed", "other"]
Mode = Literal["test", "prod"]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The arguments of the RPC record_payment, which describes them. Amounts in the smallest unit."""

    provider: str
    event_id: str
    event_type: str
    payload: dict[str, Any]
    """As it came, without the customer's name and address."""
    kind: Kind
    order_id: str | None = None
    payment_id: UUID | None = None
    user_id: UUID | None = None
    checkout_id: str | None = None
    product_id: str | None = None
    mode: Mode | None = None
    units: int = 1
    amount: int | None = None
    discount_amount: int = 0
    currency: str | None = None
    paid_amount: int | None = None
    refunded_amount: int = 0
    """All that has gone back so far."""
    occurred_at: str | None = None
    problem: str | None = None
    """Why the notice must not count."""


async def record(service: Supabase, notice: Notice) -> dict[str, Any]:
    """Hands a notice in, as often as one likes. Raises as Supabase.rpc does."""
    arguments = {
        name: str(value) if name in {"payment_id", "user_id"} else value
        for name, value in asdict(notice).items()
        if value is not None
    }
    answer: dict[str, Any] = await service.rpc("record_payment", arguments)
    log.info(
        "payment_recorded",
        provider=notice.provider,
        event_id=notice.event_id,
        event_type=notice.event_type,
        order_id=notice.order_id,
        result=answer["result"],
        status=answer["status"],
        problem=answer["problem"],
    )
    return answer
