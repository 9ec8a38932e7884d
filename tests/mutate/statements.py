"""Small changes of plpgsql and SQL text, by Postgres' own scanner."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pglast.parser import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMPARISONS: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "="}
WORDS: Final = {
    "and": ("logic", "or"),
    "or": ("logic", "and"),
    "true": ("constant", "false"),
    "false": ("constant", "true"),
    "greatest": ("function", "least"),
    "least": ("function", "greatest"),
}
CLAUSES: Final = {
    *(
        "and",
        "or",
        "then",
        "order",
        "group",
        "limit",
        "for",
        "returning",
        "union",
        "having",
        "on",
        "do",
        "when",
    ),
    *("loop", "inner", "left", "cross", "where", "else", "end", "as"),
}
LOCKS: Final = (
    ("for", "update"),
    ("for", "no", "key", "update"),
    ("for", "share"),
    ("for", "key", "share"),
    ("skip", "locked"),
)
COMPOUND: Final = {
    "if",
    "elsif",
    "for",
    "foreach",
    "while",
    "loop",
    "begin",
    "end",
    "else",
    "exception",
    "declare",
}
NOT_WORTH_A_STATEMENT: Final = COMPOUND | {"when", "null", "case", "<<"}


@dataclass(frozen=True)
class Word:
    text: str
    start: int
    end: int
    depth: int
    """How many brackets are open around it."""


@dataclass(frozen=True)
class Change:
    """Replaces text[start:end]."""

    operator: str
    start: int
    end: int
    replacement: str


def words_of(text: str) -> list[Word]:
    """Tokens with their places, comments left out."""
    raw = text.encode()
    found, depth = [], 0
    for token in scan(text):
        piece = raw[token.start : token.end + 1].decode()
        if token.name in {"SQL_COMMENT", "C_COMMENT"}:
            continue
        depth -= piece in {")", "]"}
        start = len(raw[: token.start].decode())
        found.append(
            Word(piece.lower() if not piece.startswith("'") else piece, start, start + len(piece), depth)
        )
        depth += piece in {"(", "["}
    return found


def changes_of(text: str, *, is_procedural: bool) -> Iterator[Change]:
    """Every change worth trying; some do not compile."""
    words = words_of(text)
    yield from _of_words(words)
    yield from _of_conjuncts(words)
    yield from _of_locks(words)
    if is_procedural:
        yield from _of_statements(words)
        yield from _of_conditions(words)


def _of_words(words: Sequence[Word]) -> Iterator[Change]:
    is_between = False
    for before, word in zip([None, *words], words, strict=False):
        is_between = is_between or word.text == "between"
        if word.text in COMPARISONS:
            yield Change("comparison", word.start, word.end, COMPARISONS[word.text])
        elif word.text in {"+", "-"}:
            yield Change("arithmetic", word.start, word.end, "-" if word.text == "+" else "+")
        elif re.fullmatch(r"\d+", word.text) and before is not None and before.text not in {"limit"}:
            yield Change("constant", word.start, word.end, str(int(word.text) + 1))
        elif re.fullmatch(r"'[a-z]+(_[a-z]+)*'", word.text):
            yield Change("constant", word.start, word.end, f"'no_{word.text[1:]}")
        elif word.text == "and" and is_between:
            is_between = False
        elif word.text in WORDS:
            operator, replacement = WORDS[word.text]
            yield Change(operator, word.start, word.end, replacement)


def _of_conjuncts(words: Sequence[Word]) -> Iterator[Change]:
    """A condition that is left out of a WHERE, ON or IF."""
    is_between = False
    for place, word in enumerate(words[:-1]):
        is_between = is_between or word.text == "between"
        if word.text == "and" and is_between:
            is_between = False
            continue
        if word.text not in {"where", "and"}:
            continue
        last = place
        between, cases = False, 0
        for number in range(place + 1, len(words)):
            other = words[number]
            if other.text == "case":
                cases += 1
            if other.text == "between":
                between = True
            elif other.text == "and" and between:
                between = False
            elif cases == 0 and (
                other.depth < word.depth
                or (other.depth == word.depth and (other.text in CLAUSES or other.text in {";", ","}))
            ):
                break
            if other.text == "end" and cases:
                cases -= 1
            last = number
        if last > place:
            yield Change("left out", words[place + 1].start, words[last].end, "true")


def _of_locks(words: Sequence[Word]) -> Iterator[Change]:
    for number, word in enumerate(words):
        for lock in LOCKS:
            if tuple(other.text for other in words[number : number + len(lock)]) == lock:
                yield Change("lock", word.start, words[number + len(lock) - 1].end, "")


def _of_statements(words: Sequence[Word]) -> Iterator[Change]:
    for start, stop in _statements(words):
        head = words[start].text
        if head in {"return", "raise"}:
            continue
        yield Change("statement", words[start].start, words[stop].end, "null;")


def _statements(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """First and last word of each simple statement."""
    start, cases, is_body = None, 0, False
    for number, word in enumerate(words):
        if not is_body:
            is_body = word.text == "begin"
            continue
        if start is None:
            if word.text not in NOT_WORTH_A_STATEMENT and _begins(words, number):
                start, cases = number, 0
            continue
        if word.text == "case":
            cases += 1
        elif word.text == "end" and cases:
            cases -= 1
        elif word.text == "loop" and word.depth == 0 and not cases:
            start = None
        elif word.text == ";" and word.depth == 0:
            yield start, number
            start = None


def _begins(words: Sequence[Word], number: int) -> bool:
    before = words[number - 1].text
    return before in {"begin", ";", "then", "else", "loop"}


def _of_conditions(words: Sequence[Word]) -> Iterator[Change]:
    for number, word in enumerate(words):
        is_if = (
            word.text in {"if", "elsif"}
            and words[number - 1].text not in {"end"}
            and _is_statement_if(words, number)
        )
        is_when = word.text == "when" and words[number - 1].text in {"continue", "exit"}
        if not (is_if or is_when):
            continue
        stop, cases = ("then",) if is_if else (";",), 0
        for last in range(number + 1, len(words)):
            other = words[last].text
            cases += other == "case"
            if other in stop and not cases and words[last].depth == word.depth:
                for value in ("true", "false"):
                    yield Change("condition", words[number + 1].start, words[last - 1].end, value)
                break
            cases -= other == "end" and cases > 0


def _is_statement_if(words: Sequence[Word], number: int) -> bool:
    return words[number].text == "elsif" or _begins(words, number)
