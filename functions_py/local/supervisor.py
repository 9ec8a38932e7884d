"""Runs the services of one stack: starts them, waits until each is ready, stops them, explains a failure."""

from __future__ import annotations

import signal
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from functions_py.local.processes import CommandError, Processes, tail
from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from functions_py.local.services import Service

_READY_SECONDS = 60.0


@dataclass
class Supervisor:
    """The processes beside Postgres. Each service logs to `<logs>/<name>.log`."""

    processes: Processes
    logs: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, service: Service) -> None:
        """Starts a service and returns once it is ready.

        Raises:
            CommandError: it ended, or was not ready within a minute; the message holds the end of its log.
        """
        log = self.logs / f"{service.name}.log"
        with log.open("ab") as output:
            written = output.tell()
            child = self.processes.spawn(service.command, env=service.env, output=output, cwd=ROOT)
        self._running[service.name] = child
        deadline = time.monotonic() + _READY_SECONDS
        while not _is_ready(service):
            if child.poll() is not None:
                raise CommandError(
                    f"{service.name} ended with exit code {child.returncode}:\n{tail(log, written)}"
                )
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{service.name} was not ready in {_READY_SECONDS:.0f} s:\n{tail(log, written)}"
                )
            time.sleep(0.03)

    def stop(self, name: str, *, first: signal.Signals = signal.SIGTERM, grace: float = 10) -> None:
        """Stops a service; one that does not run is fine. SIGKILL follows `grace` seconds after `first`."""
        child = self._running.pop(name, None)
        if child is not None:
            self.processes.stop(child, first=first, grace=grace)

    def running(self) -> Mapping[str, subprocess.Popen[bytes]]:
        """The services started and not stopped, by name, in the order of their start."""
        return self._running


def _is_ready(service: Service) -> bool:
    try:
        answer = httpx.get(service.ready_url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return service.ready_status is None or answer.status_code == service.ready_status


@dataclass(frozen=True)
class Step:
    """A piece of starting up that may begin when those it needs are done."""

    action: Callable[[], None]
    needs: frozenset[str] = frozenset()


def run_steps(steps: Mapping[str, Step]) -> None:
    """Runs steps at the same time as far as their needs allow; a need that is not among the steps is met.

    Raises:
        the first error of any step, at once; steps under way end when the caller kills their processes.
    """
    waiting = {name: step.needs & steps.keys() for name, step in steps.items()}
    pool = ThreadPoolExecutor(max_workers=len(steps), thread_name_prefix="step")
    under_way: dict[Future[None], str] = {}
    try:
        while waiting or under_way:
            for name in [name for name, needs in waiting.items() if not needs]:
                del waiting[name]
                under_way[pool.submit(steps[name].action)] = name
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                name = under_way.pop(done)
                done.result()
                waiting = {other: needs - {name} for other, needs in waiting.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
