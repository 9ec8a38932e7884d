"""Which pages there are, in the order in which they are offered, and what a page looks like as HTML."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

FOLDER: Final = Path(__file__).parent.parent / "docs"
STYLE: Final = (Path(__file__).parent / "manual.css").read_text()
ICON: Final = (Path(__file__).parent / "icon.svg").read_text()


@dataclass(frozen=True)
class Heading:
    """A section of a page; `level` 2 or 3."""

    anchor: str
    title: str
    level: int


@dataclass(frozen=True)
class Page:
    """One page: a Markdown file and where it stands."""

    slug: str
    title: str
    group: str

    @property
    def source(self) -> Path:
        return FOLDER / f"{self.slug}.md"


@dataclass(frozen=True)
class Rendered:
    """A page's content as HTML, and its sections."""

    html: str
    headings: tuple[Heading, ...]


PAGES: Final[tuple[Page, ...]] = (
    Page("user-guide", "User guide", "Using it"),
    Page("clients", "Client libraries", "Building on it"),
    Page("reference", "API reference", "Building on it"),
    Page("examples", "Requests and answers", "Building on it"),
    Page("webhooks", "Webhooks", "Building on it"),
    Page("guarantees", "Guarantees", "Building on it"),
    Page("admin", "Admin manual", "Running it"),
    Page("operator", "Operator guide", "Running it"),
    Page("deploy", "Deployment", "Running it"),
    Page("google", "Google", "Running it"),
    Page("live-project", "Live projects", "Running it"),
    Page("metrics", "Metrics", "Running it"),
    Page("postgres-versions", "Postgres 15 and 17", "Running it"),
    Page("providers", "Video providers", "Extending it"),
)
BY_SLUG: Final = {page.slug: page for page in PAGES}


@cache
def render(page: Page) -> Rendered:
    """The page as HTML. Links between pages work here as they do between the files."""
    parser = MarkdownIt("commonmark", {"highlight": _highlighted}).enable("table")
    tokens = parser.parse(page.source.read_text())
    headings = tuple(_anchored(tokens))
    _relink(tokens)
    return Rendered(parser.renderer.render(tokens, parser.options, {}), headings)


def _anchored(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Gives every heading the anchor that GitHub would give it, so that links hold in both places."""
    seen: dict[str, int] = {}
    for opening, inline in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        title = "".join(child.content for child in inline.children or ())
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        repeats = seen.get(anchor, 0)
        seen[anchor] = repeats + 1
        anchor = f"{anchor}-{repeats}" if repeats else anchor
        opening.attrSet("id", anchor)
        if opening.tag in {"h2", "h3"}:
            yield Heading(anchor, title, int(opening.tag[1]))


def _relink(tokens: Sequence[Token]) -> None:
    """Points links at pages to `/docs/…`; one into the source tree, which is not served, becomes its text."""
    for token in tokens:
        unlinked = False
        for child in token.children or ():
            if child.type == "link_open":
                target = _target(str(child.attrGet("href")))
                unlinked = target is None
                if target is None:
                    child.tag, child.attrs = "span", {"class": "source"}
                else:
                    child.attrSet("href", target)
            elif child.type == "link_close" and unlinked:
                child.tag, unlinked = "span", False


def _target(href: str) -> str | None:
    parts = urlsplit(href)
    if parts.scheme or not parts.path or parts.path.startswith("/"):
        return href
    slug = parts.path.removesuffix(".md")
    if slug not in BY_SLUG:
        return None
    return f"/docs/{slug}" + (f"#{parts.fragment}" if parts.fragment else "")


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """The code with classes for its colours; unknown languages stay as they are."""
    try:
        lexer = get_lexer_by_name(language) if language else None
    except ClassNotFound:
        lexer = None
    return highlight(code, lexer, HtmlFormatter(nowrap=True)) if lexer else ""
