"""`POST /api/checkout`, and the webhook of each provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from functions_py.bodies import Body, read_body
from functions_py.errors import payments_unavailable
from functions_py.payments.creem import checkout as creem_checkout
from functions_py.payments.creem import webhook as creem_webhook
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.services import Services

_CHECKOUTS = {"creem": creem_checkout.begin}


class Wanted(Body):
    """Which package the caller wants."""

    package_id: str


def routes(services: Services) -> list[BaseRoute]:
    """Purchases."""

    async def checkout(request: Request) -> Response:
        caller = await services.access.caller(request)
        wanted = await read_body(request, Wanted)
        supabase = Supabase.as_user(services.settings, services.http, caller.token)
        begun = await supabase.rpc("begin_checkout", {"package_id": wanted.package_id})
        begin = _CHECKOUTS.get(begun["provider"])
        if begin is None:
            raise payments_unavailable()
        answer = await begin(services, caller, begun)
        shown = {name: begun[name] for name in ("payment_id", "package_id", "credits", "amount", "currency")}
        return JSONResponse(answer | shown, status_code=201, headers={"cache-control": "no-store"})

    async def creem(request: Request) -> Response:
        return await creem_webhook.take_event(request, services)

    return [
        Route("/api/checkout", checkout, methods=["POST"]),
        Route("/webhooks/creem", creem, methods=["POST"]),
    ]
