"""`python -m functions_py.local.creem`: serves until SIGTERM or SIGINT."""

from __future__ import annotations

import uvicorn

from functions_py.local.creem.app import Creem
from functions_py.local.creem.settings import Settings


def main() -> None:
    settings = Settings()
    uvicorn.run(
        Creem(settings).app(),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        # Moderations that are silent by order must not hold up the end.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
