"""`functions_py/docs/examples.md`: every call with the answer it really got.

    python -m tests.examples     # writes the page anew

A scenario is told step by step over HTTP against a running stack. What differs from run to run (ids, times,
tokens) is replaced by stand-ins that stay the same, so that a test can compare the page to a new run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import httpx

    from functions_py.local.stack import Stack

PAGE: Final[Path] = ROOT / "functions_py" / "docs" / "examples.md"

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)?")
_DAY: Final = re.compile(r"20\d\d-\d\d-\d\d")
_TOKEN: Final = re.compile(r"eyJ[\w-]{10,}(\.[\w-]+)*")
_ADDRESS: Final = re.compile(r"-[0-9a-f]{12}@")
_HEX: Final = re.compile(r"\b((?:\w+_)?)[0-9a-f]{16,}\b")
_CLOCK: Final = frozenset(
    {"elapsed_seconds", "estimated_remaining_seconds", "retry_after_seconds", "age_seconds"}
)
_WIDTH: Final = 100
_LISTED: Final = 2
"""So many objects of a list are written down."""
_AND_MORE: Final = "…"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_SHOWN_HEADERS: Final = ("Location", "Retry-After")
_CURSORS: Final = frozenset({"cursor", "next_cursor"})


@dataclass
class Telling:
    """A scenario while it is told: who takes part, what is kept, and what was written so far.

    `{name}` in a call, in its arguments or headers is what an earlier call kept under that name.
    """

    stack: Stack
    http: httpx.AsyncClient
    tokens: dict[str | None, str]
    kept: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    told: list[tuple[str, httpx.Response]] = field(default_factory=list)
    """Every call, as `METHOD /path` with its names, and what it got."""
    _stand_ins: dict[str, str] = field(default_factory=dict)

    def chapter(self, title: str, text: str) -> None:
        self.lines += [f"## {title}", "", text, ""]

    def section(self, title: str, text: str = "") -> None:
        self.lines += [f"### {title}", "", *([text, ""] if text else [])]

    async def rpc(self, who: str | None, name: str, status: int = 200, /, **options: Any) -> httpx.Response:
        """Calls an RPC; `options` are those of `call`, and all others are arguments of the RPC."""
        known = {key: options.pop(key) for key in ("text", "keeps", "shows") if key in options}
        return await self.call(who, f"POST /rest/v1/rpc/{name}", status, body=options, **known)

    async def call(
        self,
        who: str | None,
        call: str,
        status: int = 200,
        *,
        body: Any = None,
        file: tuple[str, bytes] | None = None,
        text: str = "",
        keeps: Mapping[str, str] = NOTHING,
        shows: Sequence[str] = (),
        headers: Mapping[str, str] = NOTHING,
    ) -> httpx.Response:
        """Makes a call, and writes down what was sent and what came back.

        Args:
            who: a name of the cast, or None for nobody signed in.
            call: method and path.
            status: what it must answer.
            body: JSON.
            file: its media type and content, instead of JSON.
            text: said before the request.
            keeps: name -> key of the answer, for later calls.
            shows: the keys of the answer, or of its items, that are written down; all, if empty.
            headers: besides the caller's key and token.
        """
        method, path = self._filled(call).split(" ", 1)
        body = json.loads(self._filled(json.dumps(body))) if body is not None else None
        sent = {name: self._filled(value) for name, value in headers.items()}
        content = file[1] if file else json.dumps(body).encode() if body is not None else None
        media_type = {"Content-Type": file[0] if file else "application/json"} if content else {}
        answer = await self.http.request(
            method, self._base(path) + path, content=content, headers=self._key(who) | media_type | sent
        )
        if answer.status_code != status:
            raise AssertionError(f"{call} answered {answer.status_code}: {answer.text}")
        self.told.append((call, answer))
        for name, key in keeps.items():
            self.kept[name] = str(_at(answer.json(), key))
        shown = sent | ({"Content-Type": file[0]} if file else {})
        self._write_request(text, who, f"{method} {path}", shown, body, is_file=file is not None)
        self._write_answer(answer, shows)
        return answer

    def _base(self, path: str) -> str:
        is_platform = path.startswith(("/rest/", "/storage/", "/auth/"))
        return self.stack.env["API_URL" if is_platform else "FUNCTIONS_URL"]

    def _key(self, who: str | None) -> dict[str, str]:
        token = self.tokens[who]
        key = token if token.startswith("sb_") else self.stack.env["PUBLISHABLE_KEY"]
        return {"apikey": key, "Authorization": f"Bearer {token}"}

    def _filled(self, text: str) -> str:
        for name, value in self.kept.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _write_request(
        self, text: str, who: str | None, call: str, headers: Mapping[str, str], body: Any, *, is_file: bool
    ) -> None:
        lines = [self._still(call)]
        lines += [f"Authorization: Bearer <{who}>"] if who is not None else []
        lines += [f"{name}: {self._still(value)}" for name, value in headers.items()]
        lines += ["", "(the file)"] if is_file else []
        lines += ["", _pretty(self._quiet(body))] if body is not None else []
        self.lines += [*([text, ""] if text else []), "```http", *lines, "```", ""]

    def _write_answer(self, answer: httpx.Response, shows: Sequence[str]) -> None:
        lines = [f"{answer.status_code} {answer.reason_phrase}".strip()]
        lines += [
            f"{name}: {30 if name == 'Retry-After' else self._still(answer.headers[name])}"
            for name in _SHOWN_HEADERS
            if name in answer.headers
        ]
        media_type = answer.headers.get("content-type", "")
        if media_type.startswith("application/json"):
            value = answer.json()
            lines += ["", _pretty(self._quiet(_abridged(value, shows) if shows else value))]
        elif answer.content:
            lines += [f"Content-Type: {media_type}", "", "(the file)"]
        self.lines += ["```http", *lines, "```", ""]

    def _quiet(self, value: Any, key: str = "") -> Any:
        """The value with stand-ins for all that another run would have otherwise."""
        if isinstance(value, dict):
            return {name: self._quiet(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._quiet(item, key) for item in value]
        if key in _CLOCK and isinstance(value, int | float):
            return 30
        if key in _CURSORS and value is not None:
            return "WyIyMDI2…"
        if key == "details" and isinstance(value, str):
            return json.dumps(self._quiet(json.loads(value)))
        return self._still(value) if isinstance(value, str) else value

    def _still(self, text: str) -> str:
        text = text.replace(self.stack.env["API_URL"], "https://project.supabase.co")
        text = _TOKEN.sub("eyJhbGciOi…", text)
        text = text.replace(self.stack.env["FUNCTIONS_URL"], "https://functions.example.com")
        text = text.replace(self.stack.env["CREEM_STANDIN_URL"], "https://checkout.creem.io")
        text = _ADDRESS.sub("@", text)
        text = _HEX.sub(r"\1…", text)
        text = _TIME.sub("2026-11-28T09:30:00+00:00", text)
        text = _UUID.sub(lambda match: self._stand_in(match[0]), text)
        return _DAY.sub("2026-11-28", text)

    def _stand_in(self, uuid: str) -> str:
        return self._stand_ins.setdefault(uuid, f"{len(self._stand_ins) + 1:08x}-0000-4000-8000-000000000000")


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _abridged(value: Any, keys: Sequence[str]) -> Any:
    """An object with these keys alone; of a list or a page, each item."""
    if isinstance(value, list):
        return [_abridged(item, keys) for item in value]
    if "items" in value:
        return value | {"items": _abridged(value["items"], keys)}
    return {name: value[name] for name in keys} | {_AND_MORE: None}


def _pretty(value: Any, indent: str = "") -> str:
    """JSON, each object or list in one line where it fits; of a list of objects the first few."""
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    deeper = f"{indent}  "
    more = False
    if isinstance(value, dict):
        more = _AND_MORE in value
        items = [f"{json.dumps(k)}: {_pretty(v, deeper)}" for k, v in value.items() if k != _AND_MORE]
    else:
        more = isinstance(value[0], dict) and len(value) > _LISTED
        items = [_pretty(item, deeper) for item in (value[:_LISTED] if more else value)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    line = opening + ", ".join(items) + closing
    if not more and "\n" not in line and len(line) + len(indent) <= _WIDTH:
        return line
    items += [_AND_MORE] if more else []
    return opening + ",".join(f"\n{deeper}{item}" for item in items) + f"\n{indent}{closing}"
