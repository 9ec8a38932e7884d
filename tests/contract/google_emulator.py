"""Starts the Google emulator for a test, on a port of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Emulator:
    url: str
    credentials: Path
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def google_emulator(
    state_dir: Path, *, generation_seconds: float, settings: Mapping[str, str] | None = None
) -> Iterator[Emulator]:
    """An emulator whose clips take `generation_seconds`; its clips are cached over runs.

    A second one on the same `state_dir` goes on where the first ended.
    """
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "LOCAL_PORT": port,
        "LOCAL_STATE_DIR": str(state_dir),
        "LOCAL_GOOGLE_SECONDS": str(generation_seconds),
        "LOCAL_GOOGLE_FILM_CACHE": str(ROOT / ".local" / "films"),
        **(settings or {}),
    }
    log = state_dir / "google.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "functions_py.local.google"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield Emulator(url, state_dir / "google-service-account.json", process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/_emulator/requests", timeout=2).raise_for_status()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the Google emulator did not start:\n{log.read_text()[-2000:]}")
