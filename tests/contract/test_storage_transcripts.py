"""Replays requests that were once sent to a real storage-api, and compares answers with the recorded ones.

storage_exchanges.json holds them in order, each building on those before it. Ids, times and tokens differ
from run to run and are compared as `<uuid>`, `<time>`, `<date>` and `<token>`; the order of JSON keys counts.
Who made a request and which policies stood is reconstructed: the recording did not say.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.contract.storage_api import OWNER, STRANGER

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.contract.storage_api import StorageApi

EXCHANGES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "storage_exchanges.json").read_text(encoding="utf-8")
)

# The gateway's own and the server's; everything else an answer carries has to have been recorded.
_UNRECORDED = {"date", "server", "connection", "access-control-allow-origin", "access-control-expose-headers"}
_FORMS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (
        re.compile(rf"\b(?!{OWNER}|{STRANGER})[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b"),
        "<uuid>",
    ),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "<time>"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"(?<=/upload/resumable/)[\w-]{20,}"), "<upload>"),
)
_SPY = """
    create or replace function public.storage_test_spy() returns trigger language plpgsql as $$
    begin
        raise log 'SPY %', json_build_object(
            'operation', storage.operation(),
            'role', current_user,
            'version', new.version,
            'owner_id', new.owner_id,
            'metadata', new.metadata::text,
            'claims', current_setting('request.jwt.claims', true),
            'sub', current_setting('request.jwt.claim.sub', true),
            'claimed_role', current_setting('request.jwt.claim.role', true),
            'headers', current_setting('request.headers', true),
            'method', current_setting('request.method', true),
            'path', current_setting('request.path', true)
        );
        return new;
    end
    $$;
    create or replace trigger storage_test_spy before insert on storage.objects
    for each row when (new.name like '%/spy.txt') execute function public.storage_test_spy();
"""


class Replay:
    """Sends the exchanges in order; remembers the links that later ones use."""

    def __init__(self, api: StorageApi) -> None:
        self._api = api
        self._variables: dict[str, str] = {}
        self.answers: list[httpx.Response] = []

    def run(self) -> list[httpx.Response]:
        """The answers, one per exchange."""
        preparations: dict[str, Callable[[], None]] = {
            "policies_own_folder": lambda: self._api.allow("insert", "select", "update", "delete"),
            "policies_insert": lambda: self._api.allow("insert"),
            "policies_insert_select": lambda: self._api.allow("insert", "select"),
            "policies_insert_with_trigger": self._set_spy,
            "resumable_upload_without_cache_control": self._announce,
        }
        for exchange in EXCHANGES:
            if "before" in exchange:
                preparations[exchange["before"]]()
            self.answers.append(self._send(**exchange["request"]))
            self._remember(exchange["title"])
        return self.answers

    def _send(
        self,
        method: str,
        path: str,
        caller: str | None,
        headers: dict[str, str] | None = None,
        body: str | None = None,
        form: dict[str, str] | None = None,
    ) -> httpx.Response:
        for name, value in self._variables.items():
            path = path.replace(f"<{name}>", value)
        sent = (headers or {}) | (self._api.authorization(caller) if caller is not None else {})
        url = self._api.url + path
        if form is not None:
            file = ("f.txt", form["file"].encode(), "text/plain")
            fields = {name: value for name, value in form.items() if name != "file"}
            return self._api.http.request(method, url, headers=sent, data=fields, files={"file": file})
        content = b"\0" * 2 * 1024 * 1024 if body == "<2 MiB>" else body
        return self._api.http.request(method, url, headers=sent, content=content)

    def _remember(self, title: str) -> None:
        answer = self.answers[-1]
        if title == "sign":
            path, _, self._variables["link"] = answer.json()["signedURL"].partition("?token=")
            self._variables["expired link"] = self._expired(path.removeprefix("/object/sign/"))
        if title == "sign an upload":
            self._variables["upload link"] = answer.json()["token"]

    def _expired(self, path: str) -> str:
        """A link that was right until a minute ago."""
        key = (self._api.stack.state_dir / "storage" / "url-signing-key").read_text()
        then = int(time.time()) - 60
        claims = {"url": path, "scope": "download", "iat": then - 1, "exp": then}
        return jwt.encode(claims, key, algorithm="HS256")

    def _announce(self) -> None:
        """A second resumable upload, not recorded itself; its answers show that it named no cacheControl."""
        announced = next(e["request"] for e in EXCHANGES if e["title"] == "announce a resumable upload")
        metadata, _, _ = announced["headers"]["Upload-Metadata"].rpartition(",")
        answer = self._send(**announced | {"headers": announced["headers"] | {"Upload-Metadata": metadata}})
        self._variables["upload"] = answer.headers["location"].rpartition("/")[2]

    def _set_spy(self) -> None:
        self._api.allow("insert")
        self._api.execute(_SPY)


@pytest.fixture(scope="module")
def replayed(storage_api: StorageApi) -> list[httpx.Response]:
    """The answers to all exchanges."""
    return Replay(storage_api).run()


@pytest.mark.parametrize(
    ("number", "exchange"), list(enumerate(EXCHANGES)), ids=[exchange["title"] for exchange in EXCHANGES]
)
def test_the_answer_is_the_recorded_one(
    storage_api: StorageApi, replayed: list[httpx.Response], number: int, exchange: dict[str, Any]
) -> None:
    answer, recorded = replayed[number], exchange["answer"]

    headers = {name: _normalise(value, storage_api) for name, value in answer.headers.items()}
    assert answer.status_code == recorded["status"], answer.text
    assert _normalise(answer.text, storage_api) == recorded["body"]
    for name, value in recorded["headers"].items():
        if name == "access-control-expose-headers":
            # The gateway adds its own.
            assert headers[name].startswith(value)
        else:
            assert headers.get(name) == value, name
    unexpected = headers.keys() - recorded["headers"].keys() - _UNRECORDED
    # Tokens differ in length, and the original framed an empty answer otherwise.
    assert unexpected <= {"content-length"}


def test_row_security_sees_the_request_as_recorded(
    storage_api: StorageApi, replayed: list[httpx.Response]
) -> None:
    """What the trigger of the last exchange found: a rehearsal as the caller, then the row that stays."""
    assert replayed[-1].status_code == 200
    log = (storage_api.stack.logs / "postgres.log").read_text()
    rehearsal, final = (json.loads(line.partition("SPY ")[2]) for line in log.splitlines() if "SPY {" in line)

    path = f"/object/docs/{OWNER}/spy.txt"
    assert rehearsal["operation"] == final["operation"] == "storage.object.upload"
    assert (rehearsal["role"], final["role"]) == ("authenticated", "service_role")
    assert rehearsal["version"] == "1"
    assert rehearsal["metadata"] == '{"mimetype": "text/plain", "contentLength": 11}'
    assert rehearsal["owner_id"] == final["owner_id"] == rehearsal["sub"] == OWNER
    assert rehearsal["claimed_role"] == "authenticated"
    claims = json.loads(rehearsal["claims"])
    assert claims | {"exp": 0} == {"role": "authenticated", "aud": "authenticated", "sub": OWNER, "exp": 0}
    headers = json.loads(rehearsal["headers"])
    assert headers["content-type"] == "text/plain"
    assert headers["content-length"] == "11"
    assert headers["authorization"].startswith("Bearer ")
    assert (rehearsal["method"], rehearsal["path"]) == ("POST", path)
    assert json.loads(final["metadata"])["size"] == 11


def _normalise(text: str, api: StorageApi) -> str:
    text = text.replace(api.url, "<base>")
    for form, placeholder in _FORMS:
        text = form.sub(placeholder, text)
    return text
