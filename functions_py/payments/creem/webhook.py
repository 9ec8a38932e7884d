"""`POST /webhooks/creem`.

The signature is checked over the bytes as they came, before anything reads them. An answer of 2xx means
"kept", also for what does not fit, which no retry would mend. Anything else makes Creem send it again, four
times in a day.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from functions_py.errors import ApiError
from functions_py.payments.creem.wire import Event, read_event
from functions_py.payments.notices import record
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.services import Services


def signature(secret: str, body: bytes) -> str:
    """What Creem sends in `creem-signature`."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def take_event(request: Request, services: Services) -> Response:
    """Raises ApiError invalid_signature, malformed_request, upstream_unavailable."""
    secret = services.settings.creem_webhook_secret
    if secret is None:
        raise ApiError("not_found", "Purchases by Creem are not set up here.")
    body = await request.body()
    given = request.headers.get("creem-signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, signature(secret.get_secret_value(), body).encode()):
        raise ApiError("invalid_signature", "The signature does not fit the body.")
    try:
        event = Event.model_validate_json(body)
    except ValidationError:
        raise ApiError("malformed_request", "This is no event of Creem's.") from None
    notice = read_event(event, services.settings.creem_mode)
    answer = await record(Supabase.as_service(services.settings, services.http), notice)
    return JSONResponse({"result": answer["result"]})
