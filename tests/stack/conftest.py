"""A stack for tests that run a worker of their own, end it, and watch what becomes of the tasks."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from functions_py.local.stack import Stack
from tests.support.worker import FAST, Customer, Google, configure, running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.worker import WorkerProcess


@pytest.fixture(scope="session")
def workshop() -> Iterator[Stack]:
    """A whole stack without a worker, with short intervals."""
    services = ("postgrest", "platform", "google")
    with Stack.start(f"workshop-{os.getpid()}", services=services) as stack:
        configure(stack, FAST)
        yield stack
    shutil.rmtree(stack.state_dir, ignore_errors=True)


@pytest.fixture
def google(workshop: Stack) -> Google:
    return Google(workshop.env["GOOGLE_EMULATOR_URL"])


@pytest.fixture
def worker(workshop: Stack, tmp_path: Path) -> Iterator[WorkerProcess]:
    with running_worker(workshop, tmp_path / "worker.log") as running:
        yield running


@pytest_asyncio.fixture
async def creem(workshop: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The stand-in for Creem, which only some tests need."""
    workshop.start_service("creem")
    url = workshop.env["CREEM_STANDIN_URL"]
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client
    workshop.stop("creem")


@pytest.fixture
def moderated_worker(workshop: Stack, creem: httpx.AsyncClient, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker with everything that is optional: it has every prompt moderated, and signs webhooks."""
    del creem
    settings = workshop.creem_env | {"WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    with running_worker(workshop, tmp_path / "worker.log", **settings) as running:
        yield running


@pytest_asyncio.fixture
async def customer(workshop: Stack) -> AsyncIterator[Customer]:
    async with Customer.signed_up(workshop) as signed_up:
        yield signed_up
