"""The emulator as a process: its tokens, its journal, its outages, its restarts."""

from __future__ import annotations

import json
import signal
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import jwt
import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.genai import errors

from tests.contract.google_client import (
    MODEL,
    SCOPE,
    address,
    by_name,
    client,
    create,
    credentials,
    object_url,
    requests,
    storage,
    token,
    wait,
)
from tests.contract.google_emulator import Emulator, google_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google import genai

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
POLL_PATH = (
    f"/v1beta1/projects/p/locations/us-central1/publishers/google/models/{MODEL}:fetchPredictOperation"
)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(emulator: Emulator) -> Iterator[genai.Client]:
    with client(emulator) as made:
        yield made


def assertion(emulator: Emulator, key: str | None = None, **changes: Any) -> str:
    """What google-auth would sign, with some claims changed."""
    account = json.loads(emulator.credentials.read_text())
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
        "scope": SCOPE,
    }
    return jwt.encode(claims | changes, key or account["private_key"], algorithm="RS256")


def exchange(emulator: Emulator, signed: str, grant_type: str = GRANT_TYPE) -> httpx.Response:
    return httpx.post(f"{emulator.url}/token", data={"grant_type": grant_type, "assertion": signed})


def poll(emulator: Emulator, bearer: str | None) -> httpx.Response:
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    return httpx.post(f"{emulator.url}{POLL_PATH}", json={"operationName": "x"}, headers=headers)


def test_a_signed_assertion_is_exchanged_for_a_token_that_expires(emulator: Emulator) -> None:
    answer = exchange(emulator, assertion(emulator)).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3599
    assert poll(emulator, answer["access_token"]).status_code == 400


def test_an_assertion_must_be_signed_by_the_account_for_google_and_be_fresh(
    emulator: Emulator, tmp_path: Path
) -> None:
    now = int(time.time())
    with google_emulator(tmp_path, generation_seconds=0) as other:
        strange_key = json.loads(other.credentials.read_text())["private_key"]
    for signed in (
        assertion(emulator, key=strange_key),
        assertion(emulator, aud="https://example.com/token"),
        assertion(emulator, iss="somebody@example.com"),
        assertion(emulator, iat=now - 7200, exp=now - 3600),
        assertion(emulator, exp=now + 86_400),
        "nonsense",
    ):
        refused = exchange(emulator, signed)
        assert refused.status_code == 400
        assert refused.json()["error"] == "invalid_grant"
    assert exchange(emulator, assertion(emulator, scope="")).json()["error"] == "invalid_scope"
    assert exchange(emulator, assertion(emulator), "password").json()["error"] == "unsupported_grant_type"


def test_google_auth_reports_a_refusal(emulator: Emulator) -> None:
    wrong = credentials(emulator).with_claims(  # type: ignore[no-untyped-call]
        {"iss": "somebody@example.com"}
    )
    with pytest.raises(RefreshError, match="invalid_grant"):
        wrong.refresh(Request())


@pytest.mark.parametrize("bearer", [None, "made-up", "ya29.c.eyJleHAiOjk5OTk5OTk5OTl9.0000"])
def test_no_token_or_a_made_up_one_is_unauthenticated(emulator: Emulator, bearer: str | None) -> None:
    refused = poll(emulator, bearer)
    assert refused.status_code == 401
    assert refused.json()["error"]["status"] == "UNAUTHENTICATED"
    assert "www-authenticate" in refused.headers


def test_an_expired_token_is_unauthenticated_and_the_sdk_gets_another(tmp_path: Path) -> None:
    short = {"LOCAL_GOOGLE_TOKEN_SECONDS": "1"}
    with google_emulator(tmp_path, generation_seconds=0, settings=short) as emulator, client(emulator) as sdk:
        old = token(emulator)
        assert poll(emulator, old).status_code == 400
        operation = create(sdk, "a heron [safety]")
        time.sleep(1.1)
        assert poll(emulator, old).status_code == 401
        assert wait(sdk, operation).done


def test_a_token_for_something_else_is_not_enough(emulator: Emulator) -> None:
    refused = poll(emulator, token(emulator, "https://www.googleapis.com/auth/devstorage.read_write"))
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_the_journal_lists_and_counts_and_forgets(emulator: Emulator, sdk: genai.Client) -> None:
    httpx.delete(f"{emulator.url}/_emulator/requests").raise_for_status()
    asked = f"an owl {uuid.uuid4()} [429:1]"
    with pytest.raises(errors.ClientError):
        create(sdk, asked)
    uri = address(wait(sdk, create(sdk, asked, output_gcs_uri="gs://reelbase-test/owl/")))
    with storage(emulator) as http:
        http.get(object_url(uri), params={"alt": "media"})
    seen = requests(emulator)
    assert seen["counts"]["create"] == 2
    assert seen["counts"]["token"] >= 1
    assert seen["prompts"][asked] == {"create": 2, "poll": seen["counts"]["poll"], "download": 1}
    assert seen["operations"][asked] == 1
    refused, accepted = requests(emulator, prompt=asked, kind="create")["requests"]
    assert (refused["status"], refused["marker"], refused["operation"]) == (429, "429", None)
    assert (accepted["status"], accepted["model"]) == (200, MODEL)
    assert accepted["storage_uri"] == "gs://reelbase-test/owl/"
    httpx.delete(f"{emulator.url}/_emulator/requests").raise_for_status()
    assert requests(emulator)["requests"] == []
    with pytest.raises(errors.ClientError):
        create(sdk, asked)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_emulator/finish", b"{}"),
        ("/_emulator/finish", b"\xff"),
        ("/_emulator/behaviour", b'{"mode": "broken"}'),
        ("/_emulator/behaviour", b""),
    ],
)
def test_a_door_that_is_not_understood_says_so(emulator: Emulator, path: str, body: bytes) -> None:
    assert httpx.post(f"{emulator.url}{path}", content=body).status_code == 422


def test_an_outage_is_everywhere_or_where_it_was_asked_for(emulator: Emulator, sdk: genai.Client) -> None:
    def behave(**behaviour: object) -> None:
        httpx.post(f"{emulator.url}/_emulator/behaviour", json=behaviour).raise_for_status()

    operation = create(sdk, "a swan [slow]")
    try:
        behave(mode="unreachable")
        # Closed before or after the request was read: a reset or an end without an answer.
        with pytest.raises(httpx2.TransportError):
            sdk.operations.get(operation)
        with pytest.raises(httpx.TransportError):
            exchange(emulator, assertion(emulator))
        behave(mode="503", services=["storage"])
        assert sdk.operations.get(operation).done is None
        with storage(emulator) as http:
            assert http.get("/storage/v1/b/reelbase-test").status_code == 503
        behave(latency_seconds=0.4)
        start = time.monotonic()
        sdk.operations.get(operation)
        assert time.monotonic() - start >= 0.4
    finally:
        behave(mode="ok")
    assert sdk.operations.get(operation).done is None


def test_what_google_accepted_survives_a_crash(tmp_path: Path) -> None:
    with google_emulator(tmp_path, generation_seconds=0.5) as first, client(first) as sdk:
        done = wait(sdk, create(sdk, "a crane"))
        asked = create(sdk, "a stork")
        old_token = token(first)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(timeout=5)
    with google_emulator(tmp_path, generation_seconds=0.5) as second, client(second) as sdk:
        assert asked.name is not None
        finished = wait(sdk, by_name(asked.name))
        with storage(second) as http:
            for operation in (done, finished):
                http.get(object_url(address(operation)), params={"alt": "media"}).raise_for_status()
        assert requests(second)["operations"] == {"a crane": 1, "a stork": 1}
        assert requests(second, kind="create")["counts"] == {"create": 2}
        assert poll(second, old_token).status_code == 400


def test_it_ends_at_once_though_requests_hang(tmp_path: Path) -> None:
    with google_emulator(tmp_path, generation_seconds=60) as emulator:
        with client(emulator, timeout_seconds=0.3) as sdk:
            create(sdk, "a gull")
            with pytest.raises(httpx2.ReadTimeout):
                create(sdk, "a tern [hang]")
        emulator.process.terminate()
        assert emulator.process.wait(timeout=3) in {0, -signal.SIGTERM}
