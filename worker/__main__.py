"""``python -m worker`` runs the worker; ``python -m worker check`` tests what it needs and names the mend.

Exit codes: 0 drained or all checks passed, 1 broken or a check failed, 2 a setting is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import structlog

from worker.check import run_checks
from worker.http import CannotListenError
from worker.logs import configure_logs
from worker.main import UnsupportedContractError, run_worker
from worker.settings import SettingsError, load_settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker", description="The Reelbase worker.")
    parser.add_argument("command", nargs="?", choices=["run", "check"], default="run")
    command = parser.parse_args().command
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    configure_logs(settings.log_level, settings.log_format)
    if command == "check":
        return asyncio.run(run_checks(settings))
    try:
        asyncio.run(run_worker(settings))
    except CannotListenError as error:
        sys.stderr.write(f"worker: WORKER_HOST and WORKER_PORT: cannot listen on {error}\n")
        return 2
    except UnsupportedContractError as error:
        structlog.get_logger().critical("unsupported_contract", error=str(error))
        return 1
    except Exception:
        structlog.get_logger().critical("broken", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
