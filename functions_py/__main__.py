"""``python -m functions_py`` serves the HTTP functions; ``reconcile`` compares once with Creem.

Exit codes: 0 ended by a signal or done, 1 broken, 2 a setting is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import uvicorn

from functions_py.app import create_app
from functions_py.errors import ApiError, UpstreamError
from functions_py.logs import configure_logs
from functions_py.payments.creem.reconcile import reconcile
from functions_py.services import Services
from functions_py.settings import Settings, SettingsError, load_settings

GRACE_SECONDS = 10


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m functions_py", description="The HTTP functions of Reelbase."
    )
    parser.add_argument("command", nargs="?", choices=["serve", "reconcile"], default="serve")
    command = parser.parse_args().command
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"functions: {error}\n")
        return 2
    configure_logs(settings.log_level, settings.log_format)
    if command == "reconcile":
        return asyncio.run(reconcile_once(settings))
    return serve(settings)


async def reconcile_once(settings: Settings) -> int:
    """One run; a line says what it found."""
    if settings.creem_api_key is None:
        sys.stderr.write("functions: CREEM_API_KEY is missing: there is no provider to compare with\n")
        return 2
    services = Services.create(settings)
    async with services.http:
        try:
            report = await reconcile(services)
        except (ApiError, UpstreamError) as error:
            sys.stderr.write(f"functions: {error}\n")
            return 1
    sys.stdout.write(
        f"{report.checkouts} checkouts and {report.transactions} transactions compared, "
        f"{report.found} of them were news\n"
    )
    return 0


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT; requests under way get some seconds to end."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.functions_host,
            port=settings.functions_port,
            log_config=None,
            access_log=False,
            server_header=False,
            # Above the idle time of common proxies, which else meet a closed connection.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
