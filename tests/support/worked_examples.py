"""Applies the blocks of a page to a copy of the project: new files whole, changes of files as small diffs.

A fenced block says in its first line where it goes: `file=<path>` makes a file, `append=<path>` adds to
one that an earlier block made, `run=<path>` is run by the shell in that directory; a path may hold `<time>`,
which becomes a time stamp after all migrations.
A block of language diff changes its file: hunks are divided by lines of `@@`, and a hunk's old lines must
stand in the file exactly once, so a page that is out of date fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?P<goes>(?: (?:file|append|run)=\S+)*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COPIED = ("functions_py", "sql", "supabase", "tests", "worker")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".temp", "node_modules")
_SETTINGS = (".env.example", ".sqlfluff", ".squawk.toml", "pyproject.toml")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    goes: tuple[tuple[str, str], ...]
    """Pairs of `file`, `append` or `run`, and a path."""
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(found["language"], tuple(re.findall(r" (\w+)=(\S+)", found["goes"])), found["text"])
        for found in _BLOCK.finditer(page)
    ]


class Copy:
    """A copy of the project's sources, to be changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written: list[Path] = []
        """Files made anew, relative to the copy, in the order of the page."""
        for name in _COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=_LEFT_OUT)
        for name in _SETTINGS:
            shutil.copy(ROOT / name, root / name)
        migrations = (root / "supabase" / "migrations").glob("*.sql")
        self._time = max(int(path.name.partition("_")[0]) for path in migrations) + 1

    def apply(self, page_blocks: Iterable[Block]) -> None:
        """Applies every block of a page that names a file; each page may make one migration.

        Raises:
            ValueError: a hunk does not fit the file it is meant for.
            FileNotFoundError: a block changes a file that does not exist.
            CalledProcessError: a command failed.
        """
        for block in page_blocks:
            for how, name in block.goes:
                path = Path(name.replace("<time>", str(self._time)))
                if how == "run":
                    self._run(path, block.text)
                elif block.language == "diff":
                    self._write(path, patched(self._read(path), block.text, name))
                elif how == "append":
                    self._write(path, f"{self._read(path)}\n{block.text}")
                else:
                    self.written.append(path)
                    self._write(path, block.text)
        self._time += 1

    def _run(self, directory: Path, commands: str) -> None:
        before = self._files()
        subprocess.run(["/bin/sh", "-e", "-c", commands], cwd=self.root / directory, check=True, timeout=60)
        self.written += sorted(self._files() - before)

    def _files(self) -> set[Path]:
        return {path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file()}

    def _read(self, path: Path) -> str:
        return (self.root / path).read_text()

    def _write(self, path: Path, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


def patched(text: str, diff: str, name: str) -> str:
    """The text with every hunk applied.

    Raises:
        ValueError: the old lines of a hunk are not there, or more than once.
    """
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in {" ", "-", ""})
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in {" ", "+", ""})
        if text.count(old) != 1:
            raise ValueError(f"{name}: these lines are there {text.count(old)} times:\n{old}")
        text = text.replace(old, new)
    return text
