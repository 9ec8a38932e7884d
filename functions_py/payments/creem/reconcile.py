"""Asks Creem for what no webhook told us: payments of checkouts that we began, and money that went back.

Everything found is handed in as a webhook's event would be, so repeating it, or meeting the webhook, changes
nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from functions_py.payments.creem.client import Creem
from functions_py.payments.creem.wire import MODES, PROVIDER, Event, gone_back, paid
from functions_py.payments.notices import record
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from functions_py.payments.creem.wire import Transaction
    from functions_py.payments.notices import Kind
    from functions_py.services import Services

log = structlog.get_logger()

MOST_TRANSACTIONS: Final = 5000
"""Looked at in one run, Creem's newest first: more than a day's worth for any shop this is made for."""


@dataclass
class Report:
    """What a run looked at, and how much of it we had not known."""

    checkouts: int = 0
    transactions: int = 0
    found: int = 0


async def reconcile(services: Services) -> Report:
    """One run. Raises ApiError or UpstreamError without an answer of Creem's or Supabase's."""
    settings = services.settings
    assert settings.creem_api_key is not None
    creem = Creem(services.http, settings.creem_url, settings.creem_api_key)
    service = Supabase.as_service(settings, services.http)
    report = Report()
    for payment in await service.rpc("take_unsettled_payments", {"provider": PROVIDER}):
        checkout, payload = await creem.checkout(payment["checkout_id"])
        report.checkouts += 1
        if checkout.status == "completed" and checkout.order is not None:
            event = _event(f"checkout {checkout.id}", payload)
            notice = paid(checkout, event)
            if notice.mode == settings.creem_mode:
                answer = await record(service, notice)
                report.found += answer["result"] == "applied"
    async for transaction in creem.transactions():
        report.transactions += 1
        if report.transactions > MOST_TRANSACTIONS:
            log.warning("reconcile_stopped_early", transactions=MOST_TRANSACTIONS)
            break
        if _has_gone_back(transaction) and MODES.get(transaction.mode) == settings.creem_mode:
            kind: Kind = "disputed" if transaction.is_disputed else "refunded"
            whole = transaction.paid if transaction.is_disputed else 0
            event = _event(f"transaction {transaction.id}", transaction.model_dump())
            answer = await record(service, gone_back(transaction, event, kind, whole, None))
            report.found += answer["result"] == "applied"
    log.info("reconciled", **vars(report))
    return report


def _has_gone_back(transaction: Transaction) -> bool:
    return bool(transaction.order) and (bool(transaction.refunded_amount) or transaction.is_disputed)


def _event(name: str, payload: dict[str, Any]) -> Event:
    """What we found, in the envelope of a webhook. Named by what it is about: the next run finds the same."""
    envelope = {"id": f"reconcile {name}", "eventType": "reconcile", "created_at": time.time() * 1000}
    return Event.model_validate(envelope | {"object": payload})
