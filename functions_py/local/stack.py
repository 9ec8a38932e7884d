"""One complete stack: Postgres with the migrations, PostgREST, the platform, the Google emulator, and ours.

    with Stack.start("demo") as stack:
        client = create_client(stack.env["API_URL"], stack.env["PUBLISHABLE_KEY"])

Its files are in `.local/<name>/`; its processes end with the `with` block, and with this process, however
that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from functions_py.local import bootstrap
from functions_py.local.cluster import ADMIN, Cluster, await_predecessor
from functions_py.local.ports import PortReservations
from functions_py.local.processes import CommandError, Processes, tail
from functions_py.local.secrets import jwks, load_or_create, write_private
from functions_py.local.services import Layout
from functions_py.local.supervisor import Step, Supervisor, run_steps
from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

SERVICES = ("postgres", "postgrest", "platform", "google", "creem", "worker", "functions")
"""In the order in which they depend on each other; stopped the other way round."""

_NEEDS = {
    "postgrest": frozenset({"database"}),
    "platform": frozenset({"bootstrap"}),
    "google": frozenset[str](),
    "creem": frozenset[str](),
    "worker": frozenset({"database", "platform", "google"}),
    "functions": frozenset({"database", "postgrest", "platform", "google"}),
}


class StackBusyError(Exception):
    """A stack of that name is running already."""


class Stack:
    """A running stack; made by `Stack.start`."""

    def __init__(
        self,
        state_dir: Path,
        *,
        keep: bool,
        database: Literal["migrations", "schema", "platform"],
        seed: bool,
    ) -> None:
        self.state_dir = state_dir
        self.logs = state_dir / "logs"
        self._keep = keep
        self._database = database
        self._seed = seed
        self._processes = Processes()
        self._ports = PortReservations()
        self._supervisor = Supervisor(self._processes, self.logs)
        secrets = load_or_create(state_dir / "secrets.json")
        self.cluster = Cluster(
            state_dir, self._ports.port("postgres"), secrets.db_password, self._processes, durable=keep
        )
        self._layout = Layout(state_dir, self._ports, secrets, self.cluster)

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        name: str,
        *,
        services: Collection[str] = SERVICES,
        state_dir: Path | None = None,
        keep: bool = False,
        database: Literal["migrations", "schema", "platform"] = "migrations",
        seed: bool = False,
    ) -> Iterator[Stack]:
        """Starts a stack and yields it when everything asked for is ready.

        Args:
            name: directory below `.local/`; one stack of a name runs at a time.
            services: which of SERVICES to start. Postgres and its database are always made.
            state_dir: another directory than `.local/<name>`.
            keep: keep data and secrets for the next start, and commit durably. Otherwise all is made anew.
            database: how Reelbase's objects get there: by supabase/migrations through the Supabase CLI, by
                sql/schema, or not at all.
            seed: also run supabase/seed.sql.

        Raises:
            StackBusyError: a stack of that name is running.
            CommandError: something did not start; the message ends with the end of its log.
            SetupError: something is not installed.
        """
        directory = (state_dir or ROOT / ".local" / name).absolute()
        directory.mkdir(parents=True, exist_ok=True)
        with _exclusive(directory):
            await_predecessor(directory)
            if not keep:
                wipe(directory)
            (directory / "logs").mkdir(exist_ok=True)
            stack = cls(directory, keep=keep, database=database, seed=seed)
            try:
                stack._bring_up(services)
                yield stack
            finally:
                stack._tear_down()

    @property
    def env(self) -> dict[str, str]:
        """The names of `make env`."""
        return self._layout.public_env()

    @property
    def worker_env(self) -> dict[str, str]:
        """The settings with which a worker of this stack is started."""
        return self._layout.worker_env()

    @property
    def creem_env(self) -> dict[str, str]:
        """The settings with which a client of Creem's reaches the stand-in."""
        return self._layout.creem_client_env()

    @property
    def functions_env(self) -> dict[str, str]:
        """The settings with which the HTTP functions of this stack are started."""
        return self._layout.functions_env()

    @property
    def admin_db_url(self) -> str:
        """The database as its superuser."""
        return self.cluster.url(ADMIN)

    def db_url(self, role: str) -> str:
        """The database as one of the login roles."""
        return self.cluster.url(role)

    def start_service(self, name: str) -> None:
        """Starts one service, on the port it always has, and waits until it is ready."""
        if name == "postgres":
            self.cluster.start()
        else:
            self._supervisor.start(self._layout.service(name))

    def stop(self, name: str) -> None:
        """Stops one service as an orderly shutdown does: SIGTERM, for Postgres a fast shutdown."""
        if name == "postgres":
            self.cluster.stop()
        else:
            self._supervisor.stop(name)

    def kill(self, name: str) -> None:
        """Ends one service by SIGKILL, with everything it started."""
        if name == "postgres":
            self.cluster.kill()
        else:
            self._supervisor.stop(name, grace=0)

    def restart_postgres(self, *, crash: bool = False) -> None:
        """Restarts the database under the running services; `crash` kills it, so that it has to recover."""
        if crash:
            self.cluster.kill()
        else:
            self.cluster.stop()
        self.cluster.start()

    def dead_services(self) -> dict[str, str]:
        """Services that ended by themselves, each with the end of its log."""
        running = dict(self._supervisor.running())
        if self.cluster.server is not None:
            running["postgres"] = self.cluster.server
        return {
            name: tail(self.logs / f"{name}.log")
            for name, child in running.items()
            if child.poll() is not None
        }

    def _bring_up(self, services: Collection[str]) -> None:
        unknown = set(services) - set(SERVICES)
        if unknown:
            raise ValueError(f"no such service: {', '.join(sorted(unknown))}")
        secrets = self._layout.secrets
        write_private(self.state_dir / "signing-key.json", json.dumps(secrets.signing_key))
        write_private(self.state_dir / "jwks.json", json.dumps(jwks(secrets)))
        steps = {
            "bootstrap": Step(self._start_database),
            "database": Step(self._fill_database, frozenset({"bootstrap"})),
        }
        for name in SERVICES[1:]:
            if name in services:
                steps[name] = Step(partial(self.start_service, name), _NEEDS[name])
        run_steps(steps)
        lines = [f"{name}={value}\n" for name, value in self.env.items()]
        write_private(self.state_dir / "env", "".join(lines))

    def _start_database(self) -> None:
        made = self.state_dir / "cluster-made"
        if made.exists():
            if made.read_text() != bootstrap.platform_digest():
                raise CommandError(
                    "the data of this stack was made by another version of Postgres or of sql/platform: "
                    f"delete it by `python -m functions_py.local --name {self.state_dir.name} down --wipe`"
                )
            self.cluster.start()
            bootstrap.follow_port(self.cluster)
            return
        self.cluster.create()
        self.cluster.start()
        bootstrap.make_platform(self.cluster)
        # Only now: an attempt that was interrupted before this line starts from nothing.
        made.write_text(bootstrap.platform_digest())

    def _fill_database(self) -> None:
        if self._database == "migrations":
            bootstrap.migrate(self.cluster, seed=self._seed)
        elif self._database == "schema":
            bootstrap.apply_schema(self.cluster)
        bootstrap.configure(
            self.cluster,
            worker_url=self._layout.url("worker"),
            worker_token=self._layout.secrets.worker_token,
        )

    def _tear_down(self) -> None:
        try:
            for name in reversed(SERVICES):
                self.stop(name)
        finally:
            self._processes.close()
            self._ports.close()
            if not self._keep:
                self.cluster.remove()
            (self.state_dir / "env").unlink(missing_ok=True)


def wipe(state_dir: Path) -> None:
    """Deletes a stack's files, except the lock on its directory."""
    home = state_dir / "postgres"
    if home.is_symlink():
        shutil.rmtree(home.resolve(), ignore_errors=True)
    for path in state_dir.iterdir():
        if path.name == "lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def _exclusive(state_dir: Path) -> Iterator[None]:
    """Holds the directory's lock, which names this process; the kernel drops it when the process ends."""
    with (state_dir / "lock").open("a+") as lock:
        for attempt in range(5):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # It may only be somebody looking (see `holder`).
                time.sleep(0.02 * attempt)
            else:
                break
        else:
            raise StackBusyError(f"a stack is running in {state_dir}")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(state_dir: Path) -> int | None:
    """Process id of whoever runs the stack of a directory; None if it is not running."""
    with contextlib.suppress(FileNotFoundError), (state_dir / "lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0) or None
    return None


__all__ = ["SERVICES", "CommandError", "Stack", "StackBusyError", "holder", "wipe"]
