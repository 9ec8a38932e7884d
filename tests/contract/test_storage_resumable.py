"""Resumable uploads: interrupted, contested, refused, and by a signed link."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.contract.storage_api import OWNER, STRANGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.contract.storage_api import StorageApi

_FOLDER = "bucket_id = 'parts' and (storage.foldername(name))[1] = (select auth.uid()::text)"
_PATCH = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}


@pytest.fixture(autouse=True)
def bucket(storage_api: StorageApi) -> Iterator[None]:
    """A bucket `parts` in which people may upload to their own folder."""
    storage_api.allow("insert", "select", "update", condition=_FOLDER)
    limits = {"name": "parts", "file_size_limit": 100_000, "allowed_mime_types": ["video/mp4"]}
    storage_api.send("POST", "/bucket", json=limits).raise_for_status()
    yield
    storage_api.send("POST", "/bucket/parts/empty").raise_for_status()
    storage_api.send("DELETE", "/bucket/parts").raise_for_status()


def announce(
    api: StorageApi,
    length: int,
    *,
    caller: str | None = "owner",
    name: str = f"{OWNER}/film.mp4",
    content_type: str = "video/mp4",
    sign: str = "",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Announces an upload to bucket `parts`."""
    metadata = {
        "bucketName": "parts",
        "objectName": name,
        "contentType": content_type,
        "cacheControl": "60",
        "metadata": '{"k":1}',
    }
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    fixed = {"tus-resumable": "1.0.0", "upload-length": str(length), "upload-metadata": pairs}
    return api.send("POST", f"/upload/resumable{sign}", caller, headers=fixed | (headers or {}))


def patch(
    api: StorageApi, location: str, offset: int, content: bytes, caller: str | None = "owner", **headers: str
) -> httpx.Response:
    """Sends a part."""
    sent = _PATCH | {"upload-offset": str(offset)} | {n.replace("_", "-"): v for n, v in headers.items()}
    return api.send("PATCH", location.removeprefix(api.url), caller, content=content, headers=sent)


def arrived(api: StorageApi, location: str) -> str:
    """How much the server has."""
    path = location.removeprefix(api.url)
    return api.send("HEAD", path, "owner", headers={"tus-resumable": "1.0.0"}).headers["upload-offset"]


def test_an_upload_in_parts_becomes_an_object_of_its_sender(storage_api: StorageApi) -> None:
    location = announce(storage_api, 6).headers["location"]

    assert patch(storage_api, location, 0, b"abc").headers["upload-offset"] == "3"
    finished = patch(storage_api, location, 3, b"def")
    # A client that missed this answer asks again, and sees that it is done.
    assert arrived(storage_api, location) == "6"

    assert finished.headers["tus-complete"] == "1"
    info = storage_api.send("GET", f"/object/info/parts/{OWNER}/film.mp4", "owner").json()
    assert (info["size"], info["content_type"], info["cache_control"]) == (6, "video/mp4", "max-age=60")
    assert info["metadata"] == {"k": 1}
    assert storage_api.send("GET", f"/object/parts/{OWNER}/film.mp4", "owner").content == b"abcdef"


def test_what_arrived_before_the_connection_broke_is_kept(storage_api: StorageApi) -> None:
    location = announce(storage_api, 100_000).headers["location"]
    url = urlsplit(location)
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        token = storage_api.authorization("owner")["authorization"]
        connection.sendall(
            f"PATCH {url.path} HTTP/1.1\r\nhost: {url.netloc}\r\nauthorization: {token}\r\n"
            "tus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\n"
            "content-length: 100000\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        # The server reads as soon as it says this.
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"x" * 40_000)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            pass

    assert arrived(storage_api, location) == "40000"
    assert patch(storage_api, location, 40_000, b"y" * 60_000).headers["tus-complete"] == "1"
    content = storage_api.send("GET", f"/object/parts/{OWNER}/film.mp4", "owner").content
    assert content == b"x" * 40_000 + b"y" * 60_000


def test_an_upload_survives_a_restart_of_the_service(storage_api: StorageApi) -> None:
    location = announce(storage_api, 6).headers["location"]
    patch(storage_api, location, 0, b"abc")

    storage_api.stack.stop("platform")
    storage_api.stack.start_service("platform")

    assert arrived(storage_api, location) == "3"
    assert patch(storage_api, location, 3, b"def").headers["tus-complete"] == "1"


@pytest.mark.parametrize(
    ("length", "content_type", "name", "caller", "status", "says"),
    [
        (100_001, "video/mp4", f"{OWNER}/a", "owner", 413, "Maximum size exceeded"),
        (10, "image/png", f"{OWNER}/a", "owner", 415, "mime type image/png is not supported"),
        (10, "video/mp4", f"{STRANGER}/a", "owner", 403, "new row violates row-level security policy"),
        (10, "video/mp4", f"{OWNER}/a", "anon", 403, "new row violates row-level security policy"),
        (10, "video/mp4", f"{OWNER}/[a]", "owner", 400, f"Invalid key: {OWNER}/[a]"),
    ],
    ids=["too large", "other type", "other folder", "anon", "other characters"],
)
def test_it_is_judged_when_it_is_announced(
    storage_api: StorageApi, length: int, content_type: str, name: str, caller: str, status: int, says: str
) -> None:
    refused = announce(storage_api, length, content_type=content_type, name=name, caller=caller)

    assert (refused.status_code, refused.text) == (status, says)


def test_an_existing_object_needs_x_upsert(storage_api: StorageApi) -> None:
    path = f"/object/parts/{OWNER}/film.mp4"
    storage_api.send("POST", path, "owner", content=b"old", headers={"content-type": "video/mp4"})

    assert announce(storage_api, 3).status_code == 409
    upsert = {"x-upsert": "true"}
    location = announce(storage_api, 3, headers=upsert).headers["location"]
    assert patch(storage_api, location, 0, b"new", x_upsert="true").headers["tus-complete"] == "1"
    assert storage_api.send("GET", path, "owner").content == b"new"


def test_a_part_that_does_not_fit_is_refused(storage_api: StorageApi) -> None:
    location = announce(storage_api, 6).headers["location"]
    patch(storage_api, location, 0, b"abc")

    assert patch(storage_api, location, 0, b"abc").status_code == 409
    assert patch(storage_api, location, 3, b"toolong").status_code == 413
    assert patch(storage_api, location, 3, b"def", "stranger").status_code == 403
    assert patch(storage_api, location, 3, b"def", content_type="text/plain").status_code == 403
    assert patch(storage_api, location, 3, b"def", tus_resumable="0.2").status_code == 412
    assert patch(storage_api, f"{location[:-4]}AAAA", 3, b"def").status_code == 404
    assert arrived(storage_api, location) == "3"


def test_an_upload_that_was_given_up_is_gone(storage_api: StorageApi) -> None:
    location = announce(storage_api, 6).headers["location"]
    path = location.removeprefix(storage_api.url)
    patch(storage_api, location, 0, b"abc")

    assert storage_api.send("DELETE", path, "owner", headers={"tus-resumable": "1.0.0"}).status_code == 204
    assert storage_api.send("HEAD", path, "owner", headers={"tus-resumable": "1.0.0"}).status_code == 404


def test_a_signed_link_is_enough(storage_api: StorageApi) -> None:
    link = storage_api.send("POST", f"/object/upload/sign/parts/{OWNER}/film.mp4", "owner").json()
    signature = {"x-signature": link["token"]}

    announced = announce(storage_api, 3, caller=None, sign="/sign", headers=signature)
    elsewhere = announce(storage_api, 3, caller=None, sign="/sign", headers=signature, name=f"{OWNER}/b.mp4")
    sent = patch(storage_api, announced.headers["location"], 0, b"abc", None, x_signature=link["token"])

    assert elsewhere.status_code == 400
    assert sent.headers["tus-complete"] == "1"
    assert storage_api.send("GET", f"/object/parts/{OWNER}/film.mp4", "owner").content == b"abc"
