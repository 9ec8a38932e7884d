"""A plugin of pytest, and of our own run of pgTAP: every cluster counts its statements until it is stopped.

plpgsql_check's profiler counts in shared memory, so across sessions; the numbers are read before the server
is stopped or killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from functions_py.local.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE: Final = "REELBASE_PROFILE_DIR"
_PROFILED: Final = """
    select
        p.oid::regprocedure::text, md5(p.prosrc),
        (
            select json_agg(json_build_array(s.stmtid, s.lineno, s.stmtname, s.exec_stmts) order by s.stmtid)
            from extensions.plpgsql_profiler_function_statements_tb(p.oid) as s
        )
    from pg_proc as p
    inner join pg_language as l on l.oid = p.prolang
    where l.lanname = 'plpgsql' and p.pronamespace::regnamespace::text in ('public', 'private', 'worker_api')
"""


def install() -> None:
    """From here on every cluster of this process is profiled."""
    directory = Path(os.environ[VARIABLE])
    settings, stop, kill = Cluster._settings, Cluster.stop, Cluster.kill

    def profiled(cluster: Cluster) -> list[str]:
        return [*settings(cluster), "-c", "plpgsql_check.profiler=on"]

    def counted(end: Callable[[Cluster], None]) -> Callable[[Cluster], None]:
        def count_and_end(cluster: Cluster) -> None:
            if cluster.server is not None:
                with contextlib.suppress(psycopg.Error):
                    _write(cluster, directory)
            end(cluster)

        return count_and_end

    Cluster._settings = profiled  # type: ignore[method-assign, assignment]
    Cluster.stop = counted(stop)  # type: ignore[method-assign, assignment]
    Cluster.kill = counted(kill)  # type: ignore[method-assign, assignment]


def _write(cluster: Cluster, directory: Path) -> None:
    with psycopg.connect(cluster.url("supabase_admin"), autocommit=True, connect_timeout=5) as connection:
        connection.execute("create extension if not exists plpgsql_check with schema extensions")
        rows: list[Any] = connection.execute(_PROFILED.encode()).fetchall()
    (directory / f"{uuid.uuid4()}.json").write_text(json.dumps(rows))


def cover_children() -> None:
    """What this process starts is covered as well, also if it is given an environment of its own."""
    settings, hook = os.environ.get("COVERAGE_PROCESS_START"), os.environ.get("PYTHONPATH", "")
    begin = subprocess.Popen.__init__

    def begin_covered(popen: subprocess.Popen[Any], *arguments: Any, **options: Any) -> None:
        if settings and (env := options.get("env")) is not None:
            path = os.pathsep.join(filter(None, (hook, env.get("PYTHONPATH"))))
            options["env"] = {**env, "COVERAGE_PROCESS_START": settings, "PYTHONPATH": path}
        begin(popen, *arguments, **options)

    subprocess.Popen.__init__ = begin_covered  # type: ignore[method-assign, assignment]


def pytest_configure() -> None:
    """In pytest's own process and in each of xdist's."""
    install()
    cover_children()
