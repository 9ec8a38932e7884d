"""The documentation in a real browser, as wide as a desk's and as narrow as a telephone's."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import uvicorn
from starlette.applications import Starlette

from functions_py.manual import site
from functions_py.manual.pages import PAGES, Page
from tests.browser import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.chromium import Tab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium.PROGRAM is None, reason="there is no Chromium; `make proofs` installs Debian's"
    ),
]

SIZES = {"desk": (1440, 900), "tablet": (900, 1100), "telephone": (360, 740)}
WIDEST = "[...document.querySelectorAll('main > *')].filter(e => e.scrollWidth > e.clientWidth + 1"
SPILLS = f"{WIDEST} && getComputedStyle(e).overflowX === 'visible').map(e => e.outerHTML.slice(0, 80))"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The pages on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=site.routes()), port=0, log_level="warning", lifespan="off")
    )
    sockets = [server.config.bind_socket()]
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium.opened() as tab:
        yield tab


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
def test_a_page_fits_and_nothing_complains(tab: Tab, address: str, page: Page, size: tuple[int, int]) -> None:
    tab.complaints.clear()
    tab.size(*size)
    tab.open(f"{address}/docs/{page.slug}")
    assert tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert tab.run(SPILLS) == []
    assert tab.run("getComputedStyle(document.body).margin") == "0px"  # the stylesheet counts
    assert tab.complaints == []


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_navigation_leads_through_all_pages(tab: Tab, address: str, size: tuple[int, int]) -> None:
    tab.size(*size)
    tab.open(f"{address}/docs")
    for page in PAGES[1:]:
        link = f"document.querySelector('nav.pages a[href=\"/docs/{page.slug}\"]')"
        box = tab.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({link}.getBoundingClientRect())")
        # What is hit there is the link itself: nothing lies over it.
        assert tab.run(f"document.elementFromPoint({box[0]}, {box[1]}) === {link}"), page.slug
        with tab.leaving():
            tab.run(f"{link}.click()")
        assert tab.run("location.pathname") == f"/docs/{page.slug}"
        assert tab.run("document.querySelector('nav.pages [aria-current]').textContent") == page.title


def test_a_section_is_reached_by_its_link(tab: Tab, address: str) -> None:
    tab.size(*SIZES["desk"])
    tab.open(f"{address}/docs/reference")
    tab.run("document.querySelector('nav.sections a[href=\"#configuration\"]').click()")
    assert tab.run("document.getElementById('configuration').getBoundingClientRect().top < innerHeight")
    assert tab.run("location.hash") == "#configuration"
