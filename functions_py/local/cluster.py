"""A private Postgres cluster for one stack: its own data directory, port, passwords and process.

Postgres refuses to run as root, so root starts it as the system user `postgres`; anybody else as himself.
It listens on loopback TCP only, with scram passwords for everybody: a Unix socket would need a path below
108 bytes that both users can reach.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from functions_py.local.ports import HOST
from functions_py.local.processes import CommandError, Processes, User, postgres_user, tail
from functions_py.local.tools import ROOT, postgres_bin

ADMIN = "supabase_admin"
DATABASE = "postgres"
_START_SECONDS = 60.0


@dataclass
class Cluster:
    """One cluster below `state_dir/postgres`. Not usable before `create` (once) and `start`."""

    state_dir: Path
    port: int
    password: str
    """Of supabase_admin, and given to every other login role by bootstrap.py."""
    processes: Processes
    durable: bool
    """Whether commits survive a power cut. Losing the Postgres process alone never loses any."""
    _user: User | None = field(default_factory=postgres_user)
    _server: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """Directory that only the Postgres user may enter; a link if the checkout itself is closed to it."""
        return self.state_dir / "postgres"

    @property
    def data(self) -> Path:
        """The data directory, absolute and without links: Postgres remembers it across restarts."""
        return self.home.resolve() / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.state_dir / "logs" / "postgres.log"

    def url(self, role: str) -> str:
        """Connection URL of a login role, in the form that libpq, the Supabase CLI and PostgREST all take."""
        return f"postgresql://{role}:{self.password}@{HOST}:{self.port}/{DATABASE}?sslmode=disable"

    def create(self) -> None:
        """Makes an empty cluster, replacing whatever an unfinished attempt left.

        Raises:
            CommandError: initdb failed.
        """
        self.remove()
        self._make_home()
        # A file, because a command line is public and Postgres, as another user, could not read our pipe.
        self._write("password", f"{self.password}\n")
        command: list[str | Path] = [postgres_bin() / "initdb", "--pgdata", self.data]
        command += ["--username", ADMIN, "--pwfile", self.home.resolve() / "password", "--auth=scram-sha-256"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        command += [] if self.durable else ["--no-sync"]
        self.processes.run(
            command,
            env=self._env(),
            log=self.log.with_name("initdb.log"),
            cwd=self.home.resolve(),
            user=self._user,
        )
        (self.home / "password").unlink()

    def start(self) -> None:
        """Starts the server and returns once it accepts connections.

        Raises:
            CommandError: it ended, or was not ready within a minute.
        """
        # For pg_cron, a libpq client inside the server that connects as the owner of each job. The port
        # may differ from the last start's.
        self._write("pgpass", f"{HOST}:{self.port}:*:*:{self.password}\n")
        with self.log.open("ab") as output:
            written = output.tell()
            server = self.processes.spawn(
                [postgres_bin() / "postgres", "-D", self.data, *self._settings()],
                env=self._env() | {"PGPASSFILE": str(self.home.resolve() / "pgpass")},
                output=output,
                cwd=self.home.resolve(),
                user=self._user,
                # Immediate shutdown: the server ends its own children; SIGKILL would leave them to notice.
                on_parent_death=signal.SIGQUIT,
            )
        self._server = server
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(ADMIN), connect_timeout=5).close()
            except psycopg.OperationalError as refused:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"Postgres did not start:\n{tail(self.log, written)}") from refused
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stops the server in order: a fast shutdown rolls back what is open and writes a checkpoint."""
        server, self._server = self._server, None
        if server is not None:
            self.processes.stop(server, first=signal.SIGINT, grace=20)

    def kill(self) -> None:
        """Ends the server and all its backends by SIGKILL; the next start has to recover."""
        server, self._server = self._server, None
        if server is not None:
            # Each backend is a session of its own, and one that survived would hold the shared memory.
            backends = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            self.processes.stop(server, grace=0)
            for backend in backends:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(backend), signal.SIGKILL)

    @property
    def server(self) -> subprocess.Popen[bytes] | None:
        """The running postmaster."""
        return self._server

    def remove(self) -> None:
        """Deletes the cluster's files, also where the link leads."""
        if self.home.is_symlink():
            shutil.rmtree(self.home.resolve(), ignore_errors=True)
            self.home.unlink()
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    def _make_home(self) -> None:
        if self._user is None:
            self.home.mkdir(mode=0o700)
        elif _may_enter(self.state_dir, self._user):
            self.home.mkdir(mode=0o700)
            os.chown(self.home, self._user.uid, self._user.gid)
        else:
            # A checkout below a closed directory, such as root's home.
            checkout = hashlib.sha256(str(self.state_dir).encode()).hexdigest()[:8]
            elsewhere = Path(tempfile.mkdtemp(prefix=f"reelbase-{checkout}-", dir="/var/tmp"))
            os.chown(elsewhere, self._user.uid, self._user.gid)
            self.home.symlink_to(elsewhere)

    def _write(self, name: str, content: str) -> None:
        path = self.home.resolve() / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(content)
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)

    def _env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home.resolve()), "LANG": "C.UTF-8", "TZ": "UTC"}

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "shared_preload_libraries": "pg_cron,plpgsql_check",
            "cron.database_name": DATABASE,
            "cron.host": HOST,
        }
        if not self.durable:
            # Not synchronous_commit: tests kill the server and count what was committed.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def await_predecessor(state_dir: Path) -> None:
    """Waits, at most 10 s, for the server of a supervisor that was killed: it is ending, but not at once."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
        home = (state_dir / "postgres").resolve()
        pid = (home / "data" / "postmaster.pid").read_text().split()[0]
        deadline = time.monotonic() + 10
        # The number alone may belong to somebody else by now.
        while time.monotonic() < deadline and str(home) in Path(f"/proc/{pid}/cmdline").read_text():
            time.sleep(0.02)


def _may_enter(directory: Path, user: User) -> bool:
    """Whether the user may reach a directory, tried by really being that user."""
    tried = subprocess.run(
        ["/usr/bin/test", "-x", directory],
        check=False,
        cwd="/",
        user=user.uid,
        group=user.gid,
        extra_groups=[],
    )
    return tried.returncode == 0


def bootstrap_files() -> list[Path]:
    """The SQL that makes an empty cluster look like a hosted project, in the order of its numbers."""
    return sorted((ROOT / "sql" / "platform").glob("*.sql"))
