"""Credits are bought through Creem: the real functions and database, a stand-in in Creem's place.

Every webhook comes signed from the stand-in, or is made here where it has to lie.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from functions_py.local.tools import ROOT
from functions_py.payments.creem.webhook import signature
from tests.support.database import connect
from tests.support.functions import caller, functions, functions_with
from tests.support.people import service_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack

CREDITS = 500
PRICE, PAID = 500, 605


@dataclass
class Buyer:
    """A signed-in user without credits, the shop, and Creem's doors."""

    stack: Stack
    id: str
    http: httpx.AsyncClient
    creem: httpx.AsyncClient
    package: str

    async def checkout(self) -> dict[str, Any]:
        answer = await self.http.post("/api/checkout", json={"package_id": self.package})
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    async def pay(self, begun: dict[str, Any], **changes: object) -> str:
        """Pays on Creem's page; the id of the order."""
        answer = await self.creem.post(begun["checkout_url"], json=changes)
        return str(answer.raise_for_status().json()["order_id"])

    async def door(self, name: str, **body: object) -> dict[str, Any]:
        answer = await self.creem.post(f"/_creem/{name}", json=body)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def rpc(self, name: str, **arguments: object) -> Any:
        headers = {
            "apikey": self.stack.env["PUBLISHABLE_KEY"],
            "authorization": self.http.headers["authorization"],
        }
        url = f"{self.stack.env['API_URL']}/rest/v1/rpc/{name}"
        return (await self.creem.post(url, json=arguments, headers=headers)).raise_for_status().json()

    async def balance(self) -> int:
        return int((await self.rpc("get_credits"))["balance"])

    async def payments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.rpc("list_payments"))["items"]
        return found


@pytest_asyncio.fixture
async def buyer(stack: Stack) -> AsyncIterator[Buyer]:
    package = f"small-{uuid.uuid4().hex[:12]}"
    async with (
        caller(stack) as (person, http),
        httpx.AsyncClient(base_url=stack.env["CREEM_STANDIN_URL"], trust_env=False, timeout=60) as creem,
    ):
        made = await creem.post(
            "/v1/products",
            json={"name": "Small", "price": PRICE, "currency": "EUR"},
            headers={"x-api-key": stack.creem_env["CREEM_API_KEY"]},
        )
        service = await service_client(stack)
        await service.rpc(
            "admin_set_credit_package",
            {
                "id": package, "reason": "test", "name": "Small", "credits": CREDITS, "amount": PRICE,
                "currency": "EUR", "provider": "creem", "mode": "test", "product_id": made.json()["id"],
            },
        ).execute()  # fmt: skip
        yield Buyer(stack, str(person.id), http, creem, package)
        await creem.post("/_creem/behaviour", json={"webhooks": "sent", "api": "ok"})


async def deliver(stack: Stack, event: dict[str, Any], secret: str | None = None) -> httpx.Response:
    """An event as Creem would send it, signed with its secret or another."""
    body = json.dumps(event).encode()
    key = secret or stack.functions_env["CREEM_WEBHOOK_SECRET"]
    async with functions(stack) as http:
        return await http.post(
            "/webhooks/creem", content=body, headers={"creem-signature": signature(key, body)}
        )


async def newest_event(buyer: Buyer, order_id: str) -> dict[str, Any]:
    events = (await buyer.creem.get("/_creem/events")).json()
    (body,) = [event["body"] for event in events if f'"id": "{order_id}"' in event["body"]]
    found: dict[str, Any] = json.loads(body)
    return found


async def test_a_package_is_chosen_paid_and_in_the_balance(buyer: Buyer) -> None:
    listed = await buyer.rpc("list_credit_packages")
    (package,) = [package for package in listed if package["id"] == buyer.package]
    assert (package["credits"], package["amount"], package["currency"]) == (CREDITS, PRICE, "EUR")
    begun = await buyer.checkout()
    assert begun["credits"] == CREDITS
    assert begun["checkout_url"].startswith(buyer.stack.env["CREEM_STANDIN_URL"])
    assert await buyer.balance() == 0
    await buyer.pay(begun)
    assert await buyer.balance() == CREDITS
    (payment,) = await buyer.payments()
    assert (payment["id"], payment["status"], payment["credits"]) == (begun["payment_id"], "paid", CREDITS)
    (entry,) = (await buyer.rpc("list_credit_transactions"))["items"]
    assert (entry["type"], entry["amount"], entry["reason"]) == ("purchase", CREDITS, "Purchase: Small")


async def test_a_webhook_sent_again_gives_nothing_more(buyer: Buyer) -> None:
    order = await buyer.pay(await buyer.checkout())
    event = await newest_event(buyer, order)
    for _ in range(2):
        assert (await buyer.door("resend", event_id=event["id"]))["status"] == 200
    other = await deliver(buyer.stack, event | {"id": f"evt_{uuid.uuid4().hex}"})
    assert other.json() == {"result": "already_applied"}
    assert await buyer.balance() == CREDITS


async def test_webhooks_that_race_give_their_credits_once(buyer: Buyer) -> None:
    await buyer.door("behaviour", webhooks="lost")
    order = await buyer.pay(await buyer.checkout())
    event = await newest_event(buyer, order)
    copies = [event] * 4 + [event | {"id": f"evt_{uuid.uuid4().hex}"} for _ in range(4)]
    answers = await asyncio.gather(*(deliver(buyer.stack, copy) for copy in copies))
    assert sorted(answer.json()["result"] for answer in answers) == ["already_applied"] * 7 + ["applied"]
    assert await buyer.balance() == CREDITS


async def test_a_refund_takes_its_part_back_and_spent_credits_become_a_debt(buyer: Buyer) -> None:
    order = await buyer.pay(await buyer.checkout())
    await buyer.door("refund", order_id=order, amount=PAID // 5)
    assert await buyer.balance() == CREDITS - CREDITS // 5
    ordered = await buyer.http.post("/api/v1/video/generate", json={"prompt": "A boat [slow]"})
    assert ordered.status_code == 202
    await buyer.door("refund", order_id=order)
    assert await buyer.balance() == 0
    (payment,) = await buyer.payments()
    assert (payment["status"], payment["refunded_credits"]) == ("refunded", CREDITS)
    await buyer.pay(await buyer.checkout())
    assert await buyer.balance() == CREDITS - ordered.json()["credit_cost"], "the debt is paid first"


async def test_a_refund_that_overtakes_its_payment_is_taken_back_when_that_arrives(buyer: Buyer) -> None:
    await buyer.door("behaviour", webhooks="lost")
    order = await buyer.pay(await buyer.checkout())
    payment = await newest_event(buyer, order)
    await buyer.door("behaviour", webhooks="sent")
    await buyer.door("refund", order_id=order)
    assert await buyer.balance() == 0
    assert (await deliver(buyer.stack, payment)).json() == {"result": "applied"}
    assert await buyer.balance() == 0
    assert [found["status"] for found in await buyer.payments()] == ["refunded"]


async def test_a_dispute_takes_everything_back(buyer: Buyer) -> None:
    order = await buyer.pay(await buyer.checkout())
    await buyer.door("dispute", order_id=order)
    assert await buyer.balance() == 0
    assert [found["status"] for found in await buyer.payments()] == ["disputed"]
    assert await alerts(buyer.stack, f"creem:{order}") == ["payment_disputed"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"amount": 1}, "wrong_amount"),
        ({"currency": "HUF"}, "wrong_currency"),
        ({"product": "prod_x"}, "unknown_product"),
    ],
)
async def test_an_order_that_does_not_fit_is_kept_but_gives_nothing(
    buyer: Buyer, changes: dict[str, object], problem: str
) -> None:
    order = await buyer.pay(await buyer.checkout(), **changes)
    assert await buyer.balance() == 0
    assert [found["status"] for found in await buyer.payments()] == ["held"]
    assert await alerts(buyer.stack, f"creem:{order}") == ["payment_held"]
    async with connect(buyer.stack) as database:
        cursor = await database.execute("select problem from public.payments where order_id = %s", (order,))
        assert await cursor.fetchone() == {"problem": problem}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mode": "prod"}, "wrong_mode"),
        ({"mode": "local"}, "wrong_mode"),
        ({"status": "pending"}, "not_paid"),
        ({"type": "recurring"}, "recurring_product"),
        ({"amount": -5}, "not_understood"),
    ],
)
async def test_what_is_no_purchase_of_ours_is_kept_with_an_alert(
    buyer: Buyer, changes: dict[str, object], problem: str
) -> None:
    await buyer.door("behaviour", webhooks="lost")
    order = await buyer.pay(await buyer.checkout())
    event = await newest_event(buyer, order)
    event["object"]["order"] |= changes
    assert (await deliver(buyer.stack, event)).json() == {"result": "ignored"}
    assert await buyer.balance() == 0
    assert await alerts(buyer.stack, f"creem:{event['id']}") == ["payment_event_refused"]
    async with connect(buyer.stack) as database:
        cursor = await database.execute(
            "select result, payload from private.payment_events where event_id = %s", (event["id"],)
        )
        kept = await cursor.fetchone()
    assert kept is not None
    assert kept["result"] == problem
    assert "ada@example.com" not in json.dumps(kept["payload"]), "nothing personal is kept"
    assert kept["payload"]["order"]["id"] == order


async def test_an_event_that_concerns_no_credits_is_kept(stack: Stack) -> None:
    event = {
        "id": f"evt_{uuid.uuid4().hex}",
        "eventType": "subscription.active",
        "created_at": 1,
        "object": {},
    }
    answer = await deliver(stack, event)
    assert (answer.status_code, answer.json()) == (200, {"result": "ignored"})
    assert await alerts(stack, f"creem:{event['id']}") == []


async def test_only_creem_is_believed(buyer: Buyer) -> None:
    await buyer.door("behaviour", webhooks="lost")
    event = await newest_event(buyer, await buyer.pay(await buyer.checkout()))
    body = json.dumps(event).encode()
    right = signature(buyer.stack.functions_env["CREEM_WEBHOOK_SECRET"], body)
    async with functions(buyer.stack) as http:
        for given in (
            None,
            "",
            "x",
            right[:-1],
            right.upper(),
            f"{right}0",
            "ä" * 32,
            signature("other", body),
        ):
            headers = [] if given is None else [(b"creem-signature", given.encode())]
            answer = await http.post("/webhooks/creem", content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature"), given
        changed = await http.post("/webhooks/creem", content=body + b" ", headers={"creem-signature": right})
        assert changed.status_code == 401
    assert await buyer.balance() == 0
    not_an_event = await deliver(buyer.stack, {"hello": "world"})
    assert (not_an_event.status_code, not_an_event.json()["code"]) == (400, "malformed_request")


async def test_what_no_webhook_told_is_found_by_comparing(buyer: Buyer) -> None:
    await buyer.door("behaviour", webhooks="lost")
    order = await buyer.pay(await buyer.checkout())
    assert await buyer.balance() == 0
    assert await reconcile(buyer.stack) == 0
    assert await buyer.balance() == CREDITS
    await buyer.door("refund", order_id=order)
    assert await reconcile(buyer.stack) == 0
    assert await buyer.balance() == 0
    assert await reconcile(buyer.stack) == 0, "and again, which finds nothing"
    assert [entry["type"] for entry in (await buyer.rpc("list_credit_transactions"))["items"]] == [
        "purchase_refund",
        "purchase",
    ]
    await buyer.door("behaviour", api="down")
    assert await reconcile(buyer.stack) == 1


async def test_a_checkout_needs_a_user_a_package_and_creem(buyer: Buyer) -> None:
    async with functions(buyer.stack) as http:
        assert (await http.post("/api/checkout", json={"package_id": buyer.package})).status_code == 401
    for body in ({"package_id": "nothing"}, {}, {"package_id": 7}):
        refused = await buyer.http.post("/api/checkout", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_parameter")
    await buyer.door("behaviour", api="down")
    away = await buyer.http.post("/api/checkout", json={"package_id": buyer.package})
    assert (away.status_code, away.json()["code"]) == (503, "upstream_unavailable")
    assert away.headers["retry-after"]


async def test_where_purchases_are_not_set_up_there_are_none(buyer: Buyer) -> None:
    settings = {
        "supabase_url": buyer.stack.env["API_URL"],
        "supabase_publishable_key": buyer.stack.env["PUBLISHABLE_KEY"],
    }
    async with functions_with(**settings) as http:
        assert (await http.post("/webhooks/creem", json={})).json()["code"] == "not_found"
        answer = await http.post(
            "/api/checkout",
            json={"package_id": buyer.package},
            headers={"authorization": buyer.http.headers["authorization"]},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "payments_unavailable")


async def test_while_the_database_is_away_creem_is_asked_to_send_again() -> None:
    settings = {
        "supabase_secret_key": "sb_secret_x",
        "creem_api_key": "creem_test_x",
        "creem_webhook_secret": "secret",
        "creem_mode": "test",
    }
    body = json.dumps({"id": "evt_1", "eventType": "x", "created_at": 1, "object": {}}).encode()
    async with functions_with(**settings) as http:
        answer = await http.post(
            "/webhooks/creem", content=body, headers={"creem-signature": signature("secret", body)}
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream_unavailable")


async def alerts(stack: Stack, subject: str) -> list[str]:
    async with connect(stack) as database:
        cursor = await database.execute("select kind from private.alerts where subject = %s", (subject,))
        return [row["kind"] for row in await cursor.fetchall()]


async def reconcile(stack: Stack) -> int:
    """`python -m functions_py reconcile`; the exit code."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "functions_py", "reconcile"],
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"} | stack.functions_env,
        capture_output=True,
        timeout=60,
    )
    return done.returncode
