"""The stand-in's API, the page of a checkout, and the doors by which a test makes things happen.

    POST /pay/{checkout_id}         pays; takes changes of the order, as {"amount": 1, "currency": "HUF"}
    POST /_creem/refund             {order_id, amount}: gives money back, all of it without an amount
    POST /_creem/dispute            {order_id}
    POST /_creem/behaviour          {webhooks: "sent" | "lost", moderation: "ok" | "down" | "silent",
                                    api: "ok" | "down"}
    GET  /_creem/events             every event, with the status of its last delivery
    POST /_creem/resend             {event_id}: delivers an event again, as a button in Creem's dashboard does
    GET  /_creem/screened           every prompt that came to be moderated

A prompt with `[flag]` or `[deny]` is moderated so.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from functions_py.local.creem.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from functions_py.local.creem.settings import Settings

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Creem:
    """The endpoints, and what they share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shop = Shop(settings.url)
        self._events: dict[str, dict[str, Any]] = {}
        self._behaviour = {"webhooks": "sent", "moderation": "ok", "api": "ok"}
        self._screened: list[dict[str, Any]] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/products", self._api(self.create_product), methods=["POST"]),
                Route("/v1/checkouts", self._api(self.create_checkout), methods=["POST"]),
                Route("/v1/checkouts", self._api(self.get_checkout)),
                Route("/v1/transactions/search", self._api(self.search)),
                Route("/v1/moderation/prompt", self._api(self.moderate), methods=["POST"]),
                Route("/pay/{checkout_id}", self.page),
                Route("/pay/{checkout_id}", self.pay, methods=["POST"]),
                Route("/_creem/refund", self.refund, methods=["POST"]),
                Route("/_creem/dispute", self.dispute, methods=["POST"]),
                Route("/_creem/behaviour", self.behave, methods=["POST"]),
                Route("/_creem/events", self.events),
                Route("/_creem/resend", self.resend, methods=["POST"]),
                Route("/_creem/screened", self.screened),
            ]
        )

    def _api(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            given = request.headers.get("x-api-key", "")
            if not hmac.compare_digest(given, self._settings.api_key.get_secret_value()):
                return _error(403, "Forbidden")
            if self._behaviour["api"] == "down":
                return HTMLResponse("<h1>502 Bad Gateway</h1>", status_code=502)
            return await handler(request)

        return checked

    async def create_product(self, request: Request) -> Response:
        return JSONResponse(self._shop.add_product(await request.json()))

    async def create_checkout(self, request: Request) -> Response:
        checkout = self._shop.open_checkout(await request.json())
        return _error(404, "Product not found") if checkout is None else JSONResponse(checkout)

    async def get_checkout(self, request: Request) -> Response:
        checkout = self._shop.checkouts.get(request.query_params.get("checkout_id", ""))
        return _error(404, "Checkout not found") if checkout is None else JSONResponse(checkout)

    async def search(self, request: Request) -> Response:
        number = int(request.query_params.get("page_number", "1"))
        size = int(request.query_params.get("page_size", "10"))
        newest_first = list(reversed(self._shop.transactions.values()))
        pages = -(-len(newest_first) // size)
        pagination = {
            "total_records": len(newest_first),
            "total_pages": pages,
            "current_page": number,
            "next_page": number + 1 if number < pages else None,
            "prev_page": number - 1 or None,
        }
        items = newest_first[(number - 1) * size : number * size]
        return JSONResponse({"items": items, "pagination": pagination})

    async def moderate(self, request: Request) -> Response:
        asked = await request.json()
        self._screened.append(asked)
        if self._behaviour["moderation"] == "down":
            return _error(503, "Moderation is down")
        if self._behaviour["moderation"] == "silent":
            await asyncio.sleep(3600)
        prompt = asked["prompt"]
        answer = {
            "id": f"mod_{secrets.token_hex(8)}",
            "object": "moderation_result",
            "decision": "deny" if "[deny]" in prompt else "flag" if "[flag]" in prompt else "allow",
            "usage": {"units": 1},
        }
        return JSONResponse(answer | asked)

    async def screened(self, _request: Request) -> Response:
        return JSONResponse(self._screened)

    async def page(self, request: Request) -> Response:
        """What a buyer sees."""
        checkout = self._shop.checkouts.get(request.path_params["checkout_id"])
        if checkout is None:
            return HTMLResponse("<h1>There is no such checkout</h1>", status_code=404)
        product = self._shop.products[checkout["product"]]
        return HTMLResponse(
            "<!doctype html><html lang=en><title>Checkout</title><h1>A shop that takes no money</h1>"
            f"<p>{product['id']}: {product['price'] / 100:.2f} {product['currency']}, and tax</p>"
            "<form method=post><button>Pay</button></form>"
        )

    async def pay(self, request: Request) -> Response:
        body = await request.body()
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        checkout = self._shop.checkouts[request.path_params["checkout_id"]]
        if checkout["status"] != "completed":
            self._shop.pay(checkout["id"], json.loads(body) if body and not is_form else {})
            await self._send("checkout.completed", self._shop.completed(checkout))
        if is_form and "success_url" in checkout:
            return RedirectResponse(checkout["success_url"], status_code=303)
        return JSONResponse({"order_id": checkout["order"]["id"]})

    async def refund(self, request: Request) -> Response:
        asked = await request.json()
        return await self._send(
            "refund.created", self._shop.give_back(asked["order_id"], asked.get("amount"))
        )

    async def dispute(self, request: Request) -> Response:
        asked = await request.json()
        return await self._send("dispute.created", self._shop.dispute(asked["order_id"]))

    async def behave(self, request: Request) -> Response:
        self._behaviour |= await request.json()
        return JSONResponse(self._behaviour)

    async def events(self, _request: Request) -> Response:
        return JSONResponse(list(self._events.values()))

    async def resend(self, request: Request) -> Response:
        return await self._deliver((await request.json())["event_id"])

    async def _send(self, event_type: str, content: dict[str, Any]) -> Response:
        event_id = f"evt_{secrets.token_hex(10)}"
        event = {"id": event_id, "eventType": event_type, "created_at": int(time.time() * 1000)}
        # As text: what is sent again is what was, byte for byte.
        body = json.dumps(event | {"object": content})
        self._events[event_id] = {"id": event_id, "type": event_type, "body": body, "status": None}
        if self._behaviour["webhooks"] == "lost":
            return JSONResponse({"event_id": event_id, "status": None})
        return await self._deliver(event_id)

    async def _deliver(self, event_id: str) -> Response:
        event = self._events[event_id]
        body = event["body"].encode()
        secret = self._settings.webhook_secret.get_secret_value().encode()
        headers = {
            "content-type": "application/json",
            "creem-signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        }
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                answer = await http.post(self._settings.webhook_url, content=body, headers=headers)
            event["status"] = answer.status_code
        except httpx.HTTPError as error:
            event["status"] = type(error).__name__
        return JSONResponse({"event_id": event_id, "status": event["status"]})


def _error(status: int, message: str) -> Response:
    """As Creem writes errors."""
    body = {"trace_id": secrets.token_hex(8), "status": status, "error": message, "message": [message]}
    return JSONResponse(body, status_code=status)
