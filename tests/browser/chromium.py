"""A headless Chromium and one page of it, through the DevTools protocol."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.connection import Connection

PROGRAM: Final = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
_SECONDS: Final = 60
_SILENT: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


class RefusedError(Exception):
    """The browser did not do what it was asked."""


@dataclass
class Tab:
    """A page in the browser. `complaints` are the errors that its console shows."""

    _socket: Connection
    complaints: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)

    def open(self, url: str) -> None:
        with self.leaving():
            answer = self.ask("Page.navigate", url=url)
            assert "errorText" not in answer, answer

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """Around what leads to another page; waits until that one is loaded, styles and all."""
        self.run("window.isLeft = true")
        yield
        deadline = time.monotonic() + _SECONDS
        while not self._is_arrived():
            assert time.monotonic() < deadline, "the page did not load"
            time.sleep(0.01)

    def _is_arrived(self) -> bool:
        try:
            return bool(self.run("!window.isLeft && document.readyState === 'complete'"))
        except RefusedError:  # between two pages there is nothing to ask
            return False

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = self._next()
            if message.get("id") == number:
                if "error" in message:
                    raise RefusedError(message["error"])
                result: dict[str, Any] = message["result"]
                return result

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=_SECONDS))
        match message.get("method"), message.get("params"):
            case "Log.entryAdded", {"entry": {"level": "error"} as entry}:
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            case "Runtime.exceptionThrown", {"exceptionDetails": thrown}:
                self.complaints.append(str(thrown))
        return message


@contextlib.contextmanager
def opened() -> Iterator[Tab]:
    """Starts the browser with a profile of its own, and ends it."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            PROGRAM,
            *_SILENT,
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "about:blank",
        ]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as browser:
            try:
                with _tab(_address(browser)) as tab:
                    yield tab
            finally:
                browser.terminate()
                browser.wait(_SECONDS)


def _address(browser: subprocess.Popen[str]) -> str:
    """Of its DevTools, which it says itself."""
    assert browser.stderr is not None
    said = []
    for line in browser.stderr:
        said.append(line)
        if line.startswith("DevTools listening on ws://"):
            return line.split("ws://")[1].split("/")[0]
    raise AssertionError(f"Chromium did not start: {''.join(said)}")


@contextlib.contextmanager
def _tab(address: str) -> Iterator[Tab]:
    pages = httpx.get(f"http://{address}/json/list", trust_env=False, timeout=_SECONDS).json()
    url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
    with connect(url, max_size=None, proxy=None) as socket:
        tab = Tab(socket)
        for domain in ("Page", "Log", "Runtime"):
            tab.ask(f"{domain}.enable")
        yield tab
