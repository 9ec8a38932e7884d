"""Signatures of Standard Webhooks (https://www.standardwebhooks.com): the receiver knows who sent it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
SHORTEST_KEY = 24


def webhook_keys(secrets: str) -> list[bytes]:
    """The keys of one or more secrets, divided by spaces; raises ValueError for one that is none.

    Two are for the time in which receivers change from one to the other: each finds a signature it knows.
    """
    keys = []
    for secret in secrets.split():
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(PREFIX) or len(key) < SHORTEST_KEY:
            raise ValueError(f"must be {PREFIX} and at least {SHORTEST_KEY} bytes in base64")
        keys.append(key)
    if not keys:
        raise ValueError(f"must be {PREFIX} and at least {SHORTEST_KEY} bytes in base64")
    return keys


def signed_headers(keys: list[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a webhook that is sent now; ``timestamp`` in seconds since 1970."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signatures = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
