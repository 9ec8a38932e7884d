"""Sends a buyer to Creem's page, with our name for the purchase: so the order leads back to him."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions_py.errors import payments_unavailable
from functions_py.payments.creem.client import Creem
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from functions_py.access import Caller
    from functions_py.services import Services


async def begin(services: Services, caller: Caller, begun: dict[str, Any]) -> dict[str, Any]:
    """The address to pay at, for what the RPC begin_checkout answered.

    Raises:
        ApiError: model of payment not set up here, or Creem does not answer.
    """
    settings = services.settings
    if settings.creem_api_key is None or begun["mode"] != settings.creem_mode:
        raise payments_unavailable()
    creem = Creem(services.http, settings.creem_url, settings.creem_api_key)
    wanted = {
        "product_id": begun["product_id"],
        "request_id": begun["payment_id"],
        "units": 1,
        "metadata": {"user_id": str(caller.user_id), "payment_id": begun["payment_id"]},
    }
    if settings.creem_success_url is not None:
        wanted["success_url"] = settings.creem_success_url
    checkout = await creem.create_checkout(wanted)
    await Supabase.as_service(settings, services.http).rpc(
        "record_checkout", {"payment_id": begun["payment_id"], "checkout_id": checkout.id}
    )
    return {"checkout_url": checkout.checkout_url, "checkout_id": checkout.id}
