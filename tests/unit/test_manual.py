"""The documentation at `/docs`: every page is there, every link leads somewhere, nothing is fetched."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from functions_py.errors import HANDLERS
from functions_py.local.tools import ROOT
from functions_py.manual import site
from functions_py.manual.pages import FOLDER, PAGES, Page, render

GUARANTEES = (FOLDER / "guarantees.md").read_text()
CLIENT = TestClient(Starlette(routes=site.routes(), exception_handlers=HANDLERS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
def test_a_page_is_served_with_links_that_lead_somewhere(page: Page) -> None:
    answer = CLIENT.get(f"/docs/{page.slug}")
    assert answer.status_code == 200
    assert "script" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<img[^>]+src=[\"']http|@import", answer.text)
    for href in re.findall(r'href="([^"]+)"', answer.text):
        parts = urlsplit(href)
        if parts.scheme:
            assert parts.scheme == "https", href
            continue
        target = CLIENT.get(parts.path or f"/docs/{page.slug}")
        assert target.status_code == 200, href
        if parts.fragment:
            assert f'id="{parts.fragment}"' in target.text, href


def test_every_document_is_a_page() -> None:
    assert {file.stem for file in FOLDER.glob("*.md")} == {page.slug for page in PAGES}


def test_the_front_leads_to_the_first_page_and_a_wrong_address_says_so() -> None:
    assert CLIENT.get("/docs").url.path == f"/docs/{PAGES[0].slug}"
    missing = CLIENT.get("/docs/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_link_into_the_source_tree_is_shown_as_text() -> None:
    assert "../../" not in render(next(page for page in PAGES if page.slug == "deploy")).html


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
def test_a_link_into_the_source_tree_leads_to_a_file(page: Page) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.source.read_text())
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_every_rule_of_the_guarantees_is_in_the_schema() -> None:
    promised = re.findall(r"`(\w+)`", " ".join(re.findall(r"Held\s+by\s+([^.]*)\.", GUARANTEES)))
    schema = "".join(file.read_text() for file in (ROOT / "sql" / "schema").rglob("*.sql"))
    assert len(promised) > 8
    assert [rule for rule in promised if not re.search(rf"\b{rule}\b", schema)] == []
