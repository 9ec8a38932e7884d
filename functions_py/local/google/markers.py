"""Failure on demand: words in square brackets in the prompt, each making Google fail in one particular way.

`[name]` fails every time, `[name:2]` the first two times and then never again, so that recovery can be
watched. What is counted: create and outcome markers, the requests with this prompt (and this `task` label, if
the client sets one); poll and download markers, the requests for this operation or object. Several markers
may stand together, also of one stage: `[429:1] [503:1] [poll_503] [cut:1]` goes wrong four times and ends
well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class Stage(StrEnum):
    """When a marker acts."""

    CREATE = "create"
    PACE = "pace"
    OUTCOME = "outcome"
    POLL = "poll"
    DOWNLOAD = "download"
    FILE = "file"
    TEXT = "text"


@dataclass(frozen=True)
class Marker:
    """`times` bounds a marker written without a count; None means every time."""

    name: str
    stage: Stage
    google_does: str
    times: int | None = None


_TABLE = (
    Marker("429", Stage.CREATE, "refuses: RESOURCE_EXHAUSTED, quota exceeded; nothing was made"),
    Marker("503", Stage.CREATE, "refuses: UNAVAILABLE, overloaded; nothing was made"),
    Marker("500", Stage.CREATE, "answers INTERNAL; nothing was made, but the client cannot know"),
    Marker("400", Stage.CREATE, "refuses: INVALID_ARGUMENT"),
    Marker("403", Stage.CREATE, "refuses: PERMISSION_DENIED"),
    Marker("404", Stage.CREATE, "refuses: NOT_FOUND, the model is no longer available"),
    Marker("html502", Stage.CREATE, "its front end answers 502 with an HTML page; nothing was made"),
    Marker("hang", Stage.CREATE, "never answers; nothing was made"),
    Marker("drop", Stage.CREATE, "starts the operation, then closes the connection without an answer"),
    Marker("drop_lost", Stage.CREATE, "closes the connection without an answer; nothing was made"),
    Marker("empty200", Stage.CREATE, "starts the operation and answers 200 with an empty body"),
    Marker("slow", Stage.PACE, "never finishes, until POST /_emulator/finish"),
    Marker("safety", Stage.OUTCOME, "finishes with every clip filtered and a support code"),
    Marker("opsafety", Stage.OUTCOME, "finishes with operation error 3: unsafe input image"),
    Marker("operror", Stage.OUTCOME, "finishes with operation error 13: internal"),
    Marker("overloaded", Stage.OUTCOME, "finishes with operation error 8: high load"),
    Marker("noresult", Stage.OUTCOME, "finishes with an empty response: no clip, no reason"),
    Marker("nofile", Stage.OUTCOME, "finishes with the address of an object that is not there"),
    Marker("wronglength", Stage.OUTCOME, "finishes with a clip two seconds longer or shorter than asked"),
    Marker("poll_503", Stage.POLL, "answers polls with 503 UNAVAILABLE", times=3),
    Marker("poll_drop", Stage.POLL, "closes the connection on polls", times=3),
    Marker("cut", Stage.DOWNLOAD, "sends half of the file and closes the connection"),
    Marker("notvideo", Stage.DOWNLOAD, "has an HTML page in the clip's place, with a matching checksum"),
    Marker("expired", Stage.DOWNLOAD, "has deleted the file: 404, and gone from listings"),
    Marker("not_active", Stage.FILE, "Gemini only: the finished clip's file is still PROCESSING", times=3),
    Marker("text_429", Stage.TEXT, "the text model refuses: RESOURCE_EXHAUSTED"),
    Marker("text_500", Stage.TEXT, "the text model answers INTERNAL"),
    Marker("text_503", Stage.TEXT, "the text model refuses: UNAVAILABLE"),
    Marker("text_hang", Stage.TEXT, "the text model never answers"),
    Marker("text_drop", Stage.TEXT, "the text model closes the connection without an answer"),
    Marker("text_blocked", Stage.TEXT, "the text model blocks the prompt: no candidates"),
    Marker("text_truncated", Stage.TEXT, "the text model stops at MAX_TOKENS in the middle of its JSON"),
    Marker("text_badjson", Stage.TEXT, "the text model answers JSON that breaks the schema"),
    Marker(
        "text_flagged",
        Stage.TEXT,
        "the text model calls the prompt unfit, where the schema can",
    ),
    Marker("text_empty", Stage.TEXT, "the text model answers with an empty text"),
)
MARKERS = {marker.name: marker for marker in _TABLE}

_IN_PROMPT = re.compile(r"\[([a-z0-9_]+)(?::(\d{1,6}))?\]")


def strip_markers(prompt: str) -> str:
    """The prompt without its markers: what a model would have heard."""
    known = (found for found in _IN_PROMPT.finditer(prompt) if found[1] in MARKERS)
    for found in reversed(list(known)):
        prompt = prompt[: found.start()] + prompt[found.end() :]
    return " ".join(prompt.split())


def _markers_of(prompt: str, stage: Stage) -> Iterator[tuple[Marker, int | None]]:
    for name, count in _IN_PROMPT.findall(prompt):
        marker = MARKERS.get(name)
        if marker and marker.stage is stage:
            yield marker, int(count) if count else marker.times


class MarkerUses:
    """How often each counted marker has acted already."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def acting(self, prompt: str, stage: Stage, scope: str) -> str | None:
        """The marker that would act on the next request, without using it up."""
        for marker, times in _markers_of(prompt, stage):
            if times is None or self._uses(scope, marker.name) < times:
                return marker.name
        return None

    def take(self, prompt: str, stage: Stage, scope: str) -> str | None:
        """The marker that acts on this request, counted."""
        name = self.acting(prompt, stage, scope)
        if name:
            self._database.execute(
                "insert into marker_uses values (?, ?, 1) on conflict do update set uses = uses + 1",
                (scope, name),
            )
        return name

    def clear(self) -> None:
        """Every counted marker starts again."""
        self._database.execute("delete from marker_uses")

    def _uses(self, scope: str, marker: str) -> int:
        row = self._database.execute(
            "select uses from marker_uses where scope = ? and marker = ?", (scope, marker)
        ).fetchone()
        return int(row["uses"]) if row else 0
