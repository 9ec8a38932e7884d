from __future__ import annotations

import time

import pytest

from functions_py.docs.examples.verify_webhook import TOLERANCE_SECONDS, verify
from worker.signatures import signed_headers, webhook_keys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "b" * 32
BODY = b'{"test": 2432232314}'


def headers_now(secrets: str = SECRET, age: int = 0) -> dict[str, str]:
    return signed_headers(webhook_keys(secrets), "msg_1", int(time.time()) - age, BODY)


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """Made by the reference implementation (standardwebhooks 1.1.0)."""
    headers = signed_headers(webhook_keys(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_receiver_of_the_docs_believes_us_and_nobody_else() -> None:
    headers = headers_now()
    assert verify(SECRET, headers, BODY)
    assert not verify(OTHER, headers, BODY)
    assert not verify(SECRET, headers, BODY + b" ")
    assert not verify(SECRET, headers | {"webhook-id": "msg_2"}, BODY)
    assert not verify(SECRET, headers_now(age=TOLERANCE_SECONDS + 5), BODY)


def test_while_a_secret_changes_both_are_good() -> None:
    headers = headers_now(f"{SECRET} {OTHER}")
    assert verify(SECRET, headers, BODY)
    assert verify(OTHER, headers, BODY)


@pytest.mark.parametrize(
    "secret", ["", "  ", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", SECRET[6:], f"{SECRET} x"]
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        webhook_keys(secret)
