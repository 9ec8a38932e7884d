"""The sitecustomize of every Python process under `make coverage`."""

from __future__ import annotations

import contextlib
import threading
import time

import coverage

_SAVE_SECONDS = 1.0


def save_for_ever(measured: coverage.Coverage) -> None:
    """A process that is killed has told nearly all."""
    while True:
        time.sleep(_SAVE_SECONDS)
        with contextlib.suppress(Exception):
            measured.save()


# Where coverage.py came with a .pth file of its own, it is measuring already.
started = coverage.process_startup() or coverage.Coverage.current()
if started is not None:
    threading.Thread(target=save_for_ever, args=(started,), daemon=True).start()
