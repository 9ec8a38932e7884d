"""`python -m functions_py.local.platform`: serve the platform, configured by environment variables alone."""

from __future__ import annotations

import logging
import sys

import structlog
import uvicorn
from pydantic import ValidationError

from functions_py.local.platform.app import create_app
from functions_py.local.platform.context import Settings

_GRACE_SECONDS = 5


def main() -> int:
    """Serve until SIGTERM or SIGINT. Exit code 2 if the environment does not describe a stack."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        sys.stderr.write(f"platform: {problems}\n")
        return 2
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=max(level, logging.WARNING),
        access_log=False,
        server_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        # Forwarding headers are the proxy's to set; nothing stands in front of this process.
        proxy_headers=False,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
