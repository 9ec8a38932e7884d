"""Three workers, each started anew when it was killed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from tests.support.processes import free_port
from tests.support.worker import started_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import WorkerProcess

_SETTINGS: Final = {
    # Three small machines: a death takes a few jobs along, not everything there is.
    "WORKER_SUBMIT_SLOTS": "3",
    "WORKER_TRANSFER_SLOTS": "3",
    # A create call that hangs is given up after this; both are far below what production waits.
    "VIDEO_CREATE_TIMEOUT_SECONDS": "5",
    "WORKER_DRAIN_SECONDS": "10",
}


class Crew:
    """Worker processes by slot. The first has the address that pg_net pokes."""

    def __init__(self, stack: Stack, exits: contextlib.ExitStack, size: int) -> None:
        self._stack = stack
        self._exits = exits
        self._ports = [stack.worker_env["WORKER_PORT"], *(free_port() for _ in range(size - 1))]
        self._logs = stack.logs / "crew"
        self._logs.mkdir()
        self._born = 0
        self.kills = 0
        self._workers = [self._start(slot) for slot in range(size)]

    @classmethod
    @contextlib.contextmanager
    def at_work(cls, stack: Stack, size: int) -> Iterator[Crew]:
        with contextlib.ExitStack() as exits:
            yield cls(stack, exits, size)

    def kill(self, worker_id: str) -> bool:
        """SIGKILL for the worker of this id, and a new one in its place; False if it is gone already."""
        pid = int(worker_id.rsplit("-", 2)[1])
        for slot, worker in enumerate(self._workers):
            if worker.process.pid == pid and worker.process.poll() is None:
                worker.kill()
                self.kills += 1
                self._workers[slot] = self._start(slot)
                return True
        return False

    def revive(self) -> None:
        """Starts again who ended by himself, as a container's supervisor does."""
        for slot, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                self._workers[slot] = self._start(slot)

    def logs(self) -> list[Path]:
        return sorted(self._logs.iterdir())

    def _start(self, slot: int) -> WorkerProcess:
        self._born += 1
        log = self._logs / f"{self._born:04}.log"
        settings = _SETTINGS | {"WORKER_PORT": self._ports[slot]}
        return self._exits.enter_context(started_worker(self._stack, log, **settings))
