"""Credits for money: begun here, paid at Creem, told by its webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions_py.payments.creem.webhook import signature
from tests.examples.cast import ADMIN, BOB, SERVER

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def purchases(tell: Telling, _shop: Shop) -> None:
    tell.chapter("Purchases", "Begun here, paid on the provider's page, and told by the provider's webhook.")
    tell.section("Put a package on sale")
    await tell.rpc(
        ADMIN,
        "admin_set_credit_package",
        id="small",
        reason="opening",
        name="Small",
        credits=100,
        amount=500,
        currency="USD",
        provider="creem",
        mode="test",
        product_id="prod_local_small",
    )
    await tell.rpc(None, "list_credit_packages", text="Everybody sees what is on sale:")
    tell.section("Buy it")
    begun = await tell.call(
        BOB, "POST /api/checkout", 201, body={"package_id": "small"}, text="Send the buyer to `checkout_url`:"
    )
    event = await _paid(tell, begun.json()["checkout_url"])
    body = json.dumps(event).encode()
    key = tell.stack.functions_env["CREEM_WEBHOOK_SECRET"]
    tell.section(
        "Creem says that it is paid", "HMAC-SHA256 over the body as it came. Again and again is fine."
    )
    await tell.call(
        None,
        "POST /webhooks/creem",
        file=("application/json", body),
        headers={"creem-signature": signature(key, body)},
    )
    await tell.call(
        None,
        "POST /webhooks/creem",
        401,
        file=("application/json", body),
        headers={"creem-signature": signature("a guess", body)},
        text="Signed by somebody else:",
    )
    tell.section("What was bought")
    await tell.rpc(BOB, "list_payments")
    await tell.call(BOB, "GET /rest/v1/payments?select=id,package_id,status,credits")
    await _inside(tell)


async def _paid(tell: Telling, checkout_url: str) -> dict[str, Any]:
    """Pays at the stand-in, which keeps its webhook to itself: the event that it would have sent."""
    creem = tell.stack.env["CREEM_STANDIN_URL"]
    await tell.http.post(f"{creem}/_creem/behaviour", json={"webhooks": "lost"})
    (await tell.http.post(checkout_url, json={})).raise_for_status()
    (kept,) = (await tell.http.get(f"{creem}/_creem/events")).json()
    event: dict[str, Any] = json.loads(kept["body"])
    return event


async def _inside(tell: Telling) -> None:
    tell.section(
        "What the endpoints call",
        "With the secret key, except the first. Another payment provider uses these.",
    )
    await tell.rpc(BOB, "begin_checkout", package_id="small", keeps={"payment": "payment_id"})
    await tell.rpc(SERVER, "record_checkout", payment_id="{payment}", checkout_id="ch_1")
    await tell.rpc(SERVER, "take_unsettled_payments", provider="creem")
    paid = {
        "provider": "creem",
        "event_id": "evt_1",
        "event_type": "checkout.completed",
        "kind": "paid",
        "payload": {},
        "order_id": "ord_1",
        "payment_id": "{payment}",
        "product_id": "prod_local_small",
        "mode": "test",
        "amount": 500,
        "currency": "USD",
        "paid_amount": 605,
    }
    await tell.rpc(SERVER, "record_payment", **paid)
    await tell.rpc(
        SERVER,
        "record_payment",
        **paid | {"event_id": "evt_2", "event_type": "refund.created", "kind": "refunded",
                  "refunded_amount": 605},
        text="All of it is paid back, and the credits are taken back:",
    )  # fmt: skip
    other = {"event_id": "evt_3", "order_id": "ord_2", "payment_id": None, "user_id": "{bob}", "amount": 1}
    await tell.rpc(
        SERVER,
        "record_payment",
        **paid | other,
        text="Paid with another amount than the price: no credits, and an alert.",
    )
