"""`python -m functions_py.local up | down | env | serve`: what the Make targets of the same names call."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from functions_py.local.processes import CommandError, tail
from functions_py.local.stack import SERVICES, Stack, StackBusyError, holder, wipe
from functions_py.local.tools import ROOT, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import FrameType

_STOP_SECONDS = 45.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code. Errors are printed as one message, without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m functions_py.local", description=__doc__)
    parser.add_argument("--name", default="dev", help="which stack: a directory below .local/ (default: dev)")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("up", "start a stack that runs until `down`; its data is kept"),
        ("serve", "run a stack in the foreground until Ctrl-C; its data is kept"),
    ):
        runs = commands.add_parser(command, help=text)
        runs.add_argument("--services", default=",".join(SERVICES), help="comma-separated (default: all)")
        runs.add_argument("--seed", action="store_true", help="also run supabase/seed.sql")
    down = commands.add_parser("down", help="stop a stack that `up` started")
    down.add_argument("--wipe", action="store_true", help="delete its data too")
    commands.add_parser("env", help="print how to reach a running stack, as NAME=value lines")
    options = parser.parse_args(arguments)
    try:
        if options.command == "up":
            return up(options.name, options.services, seed=options.seed)
        if options.command == "serve":
            return serve(options.name, options.services, seed=options.seed)
        if options.command == "down":
            return down_(options.name, delete=options.wipe)
        return env(options.name)
    except (CommandError, SetupError, StackBusyError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130


def up(name: str, services: str, *, seed: bool) -> int:
    """Starts `serve` as a process of its own session and waits until the stack is ready."""
    directory = state_dir(name)
    if holder(directory) is not None:
        sys.stdout.write(
            f"already running: `make env` shows how to reach it, logs are in {_shown(directory)}/logs\n"
        )
        return 0
    directory.mkdir(parents=True, exist_ok=True)
    # Left by a supervisor that was killed; the new one writes it when everything is ready.
    (directory / "env").unlink(missing_ok=True)
    log = directory / "supervisor.log"
    command = [sys.executable, "-m", "functions_py.local", "--name", name, "serve", "--services", services]
    with log.open("ab") as output:
        written = output.tell()
        server = subprocess.Popen(
            [*command, *(["--seed"] if seed else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        while not (directory / "env").exists():
            # Somebody else's, started at the same moment, will do.
            if server.poll() is not None and holder(directory) is None:
                sys.stderr.write(tail(log, written, lines=40) + "\n")
                return 1
            time.sleep(0.05)
    except KeyboardInterrupt:
        server.terminate()
        server.wait(_STOP_SECONDS)
        raise
    sys.stdout.write(f"running: `make env` shows how to reach it, logs are in {_shown(directory)}/logs\n")
    return 0


def serve(name: str, services: str, *, seed: bool) -> int:
    """Runs a stack until SIGINT or SIGTERM, or until a service ends by itself, which stops them all."""
    with signals_interrupt(), Stack.start(name, services=services.split(","), keep=True, seed=seed) as stack:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not (dead := stack.dead_services()):
            time.sleep(0.5)
    sys.stderr.write("\n".join(f"{service} ended by itself:\n{log}\n" for service, log in dead.items()))
    return 1


def down_(name: str, *, delete: bool) -> int:
    """Stops a running stack and returns when none of its processes is left."""
    directory = state_dir(name)
    deadline = time.monotonic() + _STOP_SECONDS
    asked: int | None = None
    while (supervisor := holder(directory)) is not None:
        with contextlib.suppress(ProcessLookupError):
            if time.monotonic() > deadline:
                os.kill(supervisor, signal.SIGKILL)
            elif asked != supervisor:
                os.kill(supervisor, signal.SIGTERM)
                asked = supervisor
        time.sleep(0.05)
    if delete and directory.exists():
        wipe(directory)
    sys.stdout.write("stopped\n" if asked else "not running\n")
    return 0


def env(name: str) -> int:
    """Prints the env file of a running stack."""
    directory = state_dir(name)
    if holder(directory) is None or not (directory / "env").exists():
        sys.stderr.write("error: the stack is not running: `make up` starts it\n")
        return 1
    sys.stdout.write((directory / "env").read_text())
    return 0


def state_dir(name: str) -> Path:
    """Where a stack of that name keeps its files."""
    return ROOT / ".local" / name


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT)


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, once: a second must not interrupt that."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
