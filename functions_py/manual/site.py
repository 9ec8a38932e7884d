"""The routes below `/docs`."""

from __future__ import annotations

from html import escape
from itertools import groupby
from string import Template
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from functions_py.errors import ApiError
from functions_py.manual.pages import BY_SLUG, ICON, PAGES, STYLE, Page, render

if TYPE_CHECKING:
    from starlette.requests import Request

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "public, max-age=300",
}

_DOCUMENT: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title - Reelbase</title>
<link rel="icon" href="/docs/icon.svg">
<link rel="stylesheet" href="/docs/manual.css">
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<nav class="pages" aria-label="Pages"><p class="name"><a href="/docs">Reelbase</a></p>
$pages</nav>
<main id="content">
$content</main>
$sections
</body>
</html>
""")


def routes() -> list[BaseRoute]:
    """The pages, what they look like, and `/docs` itself, which leads to the first page."""
    return [
        Route("/docs", _front),
        Route("/docs/manual.css", _style),
        Route("/docs/icon.svg", _icon),
        Route("/docs/{slug}", _page),
    ]


async def _front(_request: Request) -> Response:
    return RedirectResponse(f"/docs/{PAGES[0].slug}", status_code=307)


async def _style(_request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers=HEADERS)


async def _icon(_request: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml", headers=HEADERS)


async def _page(request: Request) -> Response:
    page = BY_SLUG.get(request.path_params["slug"])
    if page is None:
        raise ApiError("not_found", f"There is no page {request.url.path}. The first one is at /docs.")
    return HTMLResponse(_document(page), headers=HEADERS)


def _document(page: Page) -> str:
    rendered = render(page)
    sections = "".join(
        f'<li class="level-{section.level}"><a href="#{section.anchor}">{escape(section.title)}</a></li>\n'
        for section in rendered.headings
    )
    return _DOCUMENT.substitute(
        title=escape(page.title),
        pages="".join(_group(name, list(pages), page) for name, pages in groupby(PAGES, lambda p: p.group)),
        content=rendered.html,
        sections=(
            f'<nav class="sections" aria-label="On this page"><p>On this page</p><ul>{sections}</ul></nav>'
            if sections
            else ""
        ),
    )


def _group(name: str, pages: list[Page], current: Page) -> str:
    links = "".join(
        f'<li><a href="/docs/{page.slug}"{" aria-current=page" if page == current else ""}>'
        f"{escape(page.title)}</a></li>\n"
        for page in pages
    )
    return f"<p>{escape(name)}</p>\n<ul>{links}</ul>\n"
