"""`functions_py/docs/examples.md`: every call with the answer it really got.

    python -m tests.examples     # writes the page anew

A scenario is told step by step over HTTP against a running stack. What differs from run to run (ids, times,
tokens) is replaced by stand-ins that stay the same, so that a test can compare the page to a new run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

    from functions_py.local.stack import Stack

PAGE: Final[Path] = ROOT / "functions_py" / "docs" / "examples.md"

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)?")
_DAY: Final = re.compile(r"20\d\d-\d\d-\d\d")
_TOKEN: Final = re.compile(r"eyJ[\w-]{10,}(\.[\w-]+)*")
_CLOCK: Final = frozenset({"elapsed_seconds", "estimated_remaining_seconds", "retry_after_seconds"})
_WIDTH: Final = 100
_SHOWN_HEADERS: Final = ("Location", "Retry-After")
_CURSORS: Final = frozenset({"cursor", "next_cursor"})


@dataclass(frozen=True)
class Step:
    """One call of the scenario.

    Args:
        title: of its section; several steps may share one.
        who: a name of the cast, or None for nobody signed in.
        call: method and path; `{name}` is what an earlier step kept.
        body: JSON, with the same names.
        status: what it must answer.
        keeps: name -> key of the answer, for later steps.
        text: said before the request.
        headers: besides the caller's key and token.
    """

    title: str
    who: str | None
    call: str
    body: Any = None
    status: int = 200
    keeps: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Telling:
    """A scenario while it is told: who takes part, what is kept, and what was written so far."""

    stack: Stack
    http: httpx.AsyncClient
    tokens: Mapping[str | None, str]
    kept: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    answers: list[tuple[Step, httpx.Response]] = field(default_factory=list)
    _title: str = ""
    _stand_ins: dict[str, str] = field(default_factory=dict)

    def chapter(self, title: str, text: str) -> None:
        self.lines += [f"## {title}", "", text, ""]

    async def tell(self, step: Step) -> httpx.Response:
        """Makes the call, checks its status, keeps what is wanted, and writes both down."""
        method, path = self._filled(step.call).split(" ", 1)
        body = json.loads(self._filled(json.dumps(step.body))) if step.body is not None else None
        base = self.stack.env["FUNCTIONS_URL" if path.startswith(("/api/", "/webhooks/")) else "API_URL"]
        answer = await self.http.request(method, base + path, json=body, headers=self._headers(step))
        if answer.status_code != step.status:
            raise AssertionError(f"{step.call} answered {answer.status_code}: {answer.text}")
        self.answers.append((step, answer))
        for name, key in step.keeps.items():
            self.kept[name] = str(_at(answer.json(), key))
        self._write(step, method, path, body, answer)
        return answer

    def _headers(self, step: Step) -> dict[str, str]:
        token = self.tokens[step.who]
        key = token if token.startswith("sb_") else self.stack.env["PUBLISHABLE_KEY"]
        return {"apikey": key, "Authorization": f"Bearer {token}", **step.headers}

    def _filled(self, text: str) -> str:
        for name, value in self.kept.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _write(self, step: Step, method: str, path: str, body: Any, answer: httpx.Response) -> None:
        if step.title != self._title:
            self.lines += [f"### {step.title}", ""]
            self._title = step.title
        if step.text:
            self.lines += [step.text, ""]
        self.lines += ["```http", f"{method} {self._still(path)}"]
        if step.who is not None:
            self.lines.append(f"Authorization: Bearer <{step.who}>")
        self.lines += [f"{name}: {self._still(value)}" for name, value in step.headers.items()]
        if body is not None:
            self.lines += ["", _pretty(self._quiet(body))]
        self.lines += ["```", ""]
        shown = [f"{answer.status_code} {answer.reason_phrase}".strip()]
        shown += [
            f"{name}: {self._still(answer.headers[name])}"
            for name in _SHOWN_HEADERS
            if name in answer.headers
        ]
        self.lines += ["```http", *shown]
        if answer.content:
            self.lines += ["", _pretty(self._quiet(answer.json()))]
        self.lines += ["```", ""]

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
        text = _TIME.sub("2026-11-28T09:30:00+00:00", text)
        text = _UUID.sub(lambda match: self._stand_in(match[0]), text)
        return _DAY.sub("2026-11-28", text)

    def _stand_in(self, uuid: str) -> str:
        return self._stand_ins.setdefault(uuid, f"{len(self._stand_ins) + 1:08x}-0000-4000-8000-000000000000")


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _pretty(value: Any, indent: str = "") -> str:
    """JSON, each object or list in one line where it fits."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + len(indent) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    deeper = f"{indent}  "
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {_pretty(item, deeper)}" for name, item in value.items()]
    else:
        items = [_pretty(item, deeper) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + ",".join(f"\n{deeper}{item}" for item in items) + f"\n{indent}{closing}"
