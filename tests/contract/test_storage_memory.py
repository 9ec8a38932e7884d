"""A large file passes through Storage in constant memory, both ways."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.storage_api import StorageApi

_MEBIBYTE = 1024 * 1024
_SIZE = 300 * _MEBIBYTE
_GROWTH = 32 * _MEBIBYTE
_BLOCK = bytes(range(256)) * 4096


@pytest.fixture
def bucket(storage_api: StorageApi) -> Iterator[str]:
    """A bucket without limits."""
    storage_api.send("POST", "/bucket", json={"name": "large"}).raise_for_status()
    yield "large"
    storage_api.send("POST", "/bucket/large/empty").raise_for_status()
    storage_api.send("DELETE", "/bucket/large").raise_for_status()


@pytest.mark.slow
@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
def test_300_mb_go_up_and_come_down_in_constant_memory(
    storage_api: StorageApi, bucket: str, *, form: bool
) -> None:
    process = _platform(storage_api)
    path = f"/object/{bucket}/film.mp4"
    # What a first request loads is not what a large file costs.
    storage_api.send("POST", path, content=b"small", headers={"x-upsert": "true"}).raise_for_status()
    storage_api.send("GET", path).raise_for_status()
    (process / "clear_refs").write_text("5")
    before = _peak(process)

    headers = {"content-type": "video/mp4", "x-upsert": "true", "content-length": str(_SIZE)}
    content = _blocks()
    if form:
        headers |= {
            "content-type": "multipart/form-data; boundary=part",
            "content-length": str(_SIZE + len(_OPENING + _CLOSING)),
        }
        content = _form()
    authorization = storage_api.authorization("service")
    uploaded = storage_api.http.post(storage_api.url + path, content=content, headers=headers | authorization)
    assert uploaded.status_code == 200, uploaded.text
    digest = hashlib.sha256()
    with storage_api.http.stream("GET", storage_api.url + path, headers=authorization) as answer:
        assert answer.headers["content-length"] == str(_SIZE)
        assert answer.headers["content-type"] == "video/mp4"
        for piece in answer.iter_raw():
            digest.update(piece)

    assert digest.digest() == _expected()
    assert _peak(process) - before < _GROWTH


_OPENING = (
    b'--part\r\ncontent-disposition: form-data; name="cacheControl"\r\n\r\n3600\r\n'
    b'--part\r\ncontent-disposition: form-data; name="file"; filename="film.mp4"\r\n'
    b"content-type: video/mp4\r\n\r\n"
)
_CLOSING = b"\r\n--part--\r\n"


def _blocks() -> Iterator[bytes]:
    for _ in range(_SIZE // len(_BLOCK)):
        yield _BLOCK


def _form() -> Iterator[bytes]:
    yield _OPENING
    yield from _blocks()
    yield _CLOSING


def _expected() -> bytes:
    digest = hashlib.sha256()
    for block in _blocks():
        digest.update(block)
    return digest.digest()


def _platform(api: StorageApi) -> Path:
    """The /proc directory of the stack's platform process."""
    ours = f"LOCAL_STATE_DIR={api.stack.state_dir}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_platform = b"functions_py.local.platform\0" in (process / "cmdline").read_bytes()
            is_ours = ours in (process / "environ").read_bytes()
        except OSError:
            # Ended meanwhile, or somebody else's.
            continue
        if is_platform and is_ours:
            return process
    raise AssertionError("the platform is not running")


def _peak(process: Path) -> int:
    """The most memory the process has held since clear_refs was written, in bytes."""
    status = (process / "status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
