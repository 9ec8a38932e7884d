"""Child processes that cannot outlive this one, however it ends.

Every child asks the kernel (PR_SET_PDEATHSIG) for a signal when the thread that forked it ends. All forks
therefore happen in one thread that lives as long as this process does: children then end with the
process, be it by SIGKILL, and not with whichever short-lived thread wanted them. Each child is its own
session, so that Ctrl-C in a terminal reaches the supervisor alone, which stops the others in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class CommandError(Exception):
    """A program that should have succeeded did not. The message holds the end of its output."""


@dataclass(frozen=True)
class User:
    """Another system user to run a child as; its supplementary groups are dropped."""

    uid: int
    gid: int


def postgres_user() -> User | None:
    """Who must run Postgres: None means whoever we are; root has to become the system user `postgres`."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError as missing:
        raise CommandError(
            "Postgres must not run as root and there is no system user `postgres`"
        ) from missing
    return User(entry.pw_uid, entry.pw_gid)


class Processes:
    """All children of one stack."""

    def __init__(self) -> None:
        self._forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        output: IO[bytes] | int,
        cwd: Path,
        user: User | None = None,
        on_parent_death: signal.Signals = signal.SIGKILL,
    ) -> subprocess.Popen[bytes]:
        """Starts a program; standard input is empty, both outputs go to `output`."""
        parent = os.getpid()

        def follow_parent() -> None:
            # Runs in the child after its user changed, which would have cleared the setting.
            _libc.prctl(_PR_SET_PDEATHSIG, int(on_parent_death))
            if os.getppid() != parent:
                os._exit(1)

        def fork() -> subprocess.Popen[bytes]:
            with self._lock:
                if self._closed:
                    raise CommandError(f"{command[0]}: the stack is stopping")
                child = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=follow_parent,
                    user=user.uid if user else None,
                    group=user.gid if user else None,
                    extra_groups=[] if user else None,
                )
                self._children.add(child)
                return child

        return self._forker.submit(fork).result()

    def run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        log: Path,
        cwd: Path,
        timeout: float = 60,
        user: User | None = None,
    ) -> None:
        """Runs a program to its end, appending its output to `log`.

        Raises:
            CommandError: it failed, or did not end within `timeout` seconds.
        """
        with log.open("ab") as output:
            start = output.tell()
            child = self.spawn(command, env=env, output=output, cwd=cwd, user=user)
            try:
                in_time = _ended(child, timeout)
            finally:
                self.stop(child, grace=0)
        if not in_time or child.returncode != 0:
            outcome = f"exit code {child.returncode}" if in_time else f"no end within {timeout:.0f} s"
            raise CommandError(f"{Path(command[0]).name}: {outcome}\n{_explanation(log, start)}")

    def stop(
        self, child: subprocess.Popen[bytes], *, first: signal.Signals = signal.SIGTERM, grace: float = 10
    ) -> None:
        """Ends a child and whatever it started: `first`, and SIGKILL for the group after `grace` seconds."""
        if child.returncode is None:
            if grace > 0:
                child.send_signal(first)
                _ended(child, grace)
            # Not reaped yet, so the number of the process and of its group cannot have been given to another.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        with self._lock:
            self._children.discard(child)

    def close(self) -> None:
        """Kills every child that is left; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            left = list(self._children)
        for child in left:
            self.stop(child, grace=0)
        self._forker.shutdown(wait=False)


def _ended(child: subprocess.Popen[bytes], timeout: float) -> bool:
    """Waits for a child to end without reaping it; False after `timeout` seconds."""
    try:
        handle = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout)[0])
    finally:
        os.close(handle)


def _explanation(log: Path, start: int) -> str:
    """The first line that calls itself an error, with the line before it, or the end of the log."""
    with log.open("rb") as content:
        content.seek(start)
        lines = content.read(1_000_000).decode(errors="replace").splitlines()
    found = next((number for number, line in enumerate(lines) if line.startswith("ERROR:")), None)
    return "\n".join(lines[-25:] if found is None else lines[max(0, found - 1) : found + 8])


def tail(log: Path, start: int = 0, lines: int = 25) -> str:
    """The last lines of a log, of what was written after byte `start`."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(start, size - 16_384))
        return "\n".join(content.read().decode(errors="replace").splitlines()[-lines:])
    return ""
