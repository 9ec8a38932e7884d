"""`python -m functions_py.local.google`: serves until SIGTERM or SIGINT."""

from __future__ import annotations

import structlog
import uvicorn

from functions_py.local.google.app import create_app
from functions_py.local.google.connections import Protocol
from functions_py.local.google.settings import Settings


def main() -> None:
    settings = Settings()
    app = create_app(settings)
    structlog.get_logger().info("google emulator", url=settings.url)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        log_level="warning",
        access_log=False,
        # A client must not find its idle connection closed by us: that is what [drop] is for.
        timeout_keep_alive=120,
        # Requests that hang by order must not hold up the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
