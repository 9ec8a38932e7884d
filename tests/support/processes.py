"""Ports for a test's own processes, and every process that belongs to a stack, whoever its parent is."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def free_port() -> str:
    """A loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def processes_of(state_dir: Path) -> dict[int, str]:
    """Command lines of the processes that name the directory in arguments or environment, or work in it."""
    mark = f"{state_dir}/".encode()
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            about = command + (process / "environ").read_bytes() + bytes((process / "cwd").readlink()) + b"/"
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Ended meanwhile, or somebody else's.
            continue
        if mark in about and command:
            found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Waits for something that happens in another process.

    Raises:
        AssertionError: it did not happen in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.01)
