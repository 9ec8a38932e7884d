"""The clips the emulator hands out: one real MP4 per distinct request, made once and kept.

Rendering 8 s of 1080p costs about 1.7 s of one core, so it happens in a process of its own (the event loop
never waits for pixels) and the file is kept under a name that says everything that shaped it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FRAMES_PER_SECOND = 24
"""What Veo 3.1 makes, whatever the request says."""

PALETTES = 3
"""Looks of a clip without a reference image: enough to tell neighbours apart, few enough to cache."""


@dataclass(frozen=True)
class FilmSpec:
    """Everything that shapes a clip. `seconds` of video at 24 frames a second; `image` is a file to start
    from.
    """

    seconds: int
    width: int
    height: int
    palette: int = 0
    image: str | None = None
    fit: Literal["pad", "crop"] = "pad"
    audio: bool = True


class FilmError(Exception):
    """The rendering process failed; the message is the end of what it wrote."""


class Films:
    """Makes films, at most `at_once` at a time, and answers from `directory` what it has already."""

    def __init__(self, directory: Path, at_once: int | None = None) -> None:
        self._directory = directory
        self._directory.mkdir(parents=True, exist_ok=True)
        self._slots = asyncio.Semaphore(at_once or max(1, (os.cpu_count() or 1) // 2))
        self._locks: dict[Path, asyncio.Lock] = {}
        # A changed renderer must not be answered with yesterday's picture.
        self._renderer = hashlib.sha256(Path(__file__).with_name("render.py").read_bytes()).hexdigest()

    async def make(self, spec: FilmSpec) -> Path:
        """The finished file for `spec`. Several stacks may share the directory: files appear whole or not at
        all.

        Raises FilmError when rendering fails.
        """
        path = self._directory / f"{self._key(spec)}.mp4"
        async with self._locks.setdefault(path, asyncio.Lock()):
            if not path.exists():
                async with self._slots:
                    await self._render(spec, path)
        return path

    def keep_image(self, image: bytes) -> str:
        """Keeps a reference image for as long as the films and returns its path, which tells equal images."""
        path = self._directory / "images" / hashlib.sha256(image).hexdigest()
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_bytes(image)
            unfinished.replace(path)
        return str(path)

    def _key(self, spec: FilmSpec) -> str:
        shape = json.dumps([self._renderer, dataclasses.asdict(spec)])
        return hashlib.sha256(shape.encode()).hexdigest()[:32]

    async def _render(self, spec: FilmSpec, path: Path) -> None:
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "functions_py.local.google.render"),
            *(json.dumps(dataclasses.asdict(spec)), str(unfinished), str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate()
            if process.returncode != 0:
                raise FilmError(errors.decode(errors="replace")[-2000:])
            unfinished.replace(path)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            unfinished.unlink(missing_ok=True)
