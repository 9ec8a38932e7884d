"""Cloud Storage at the emulator: the JSON API as a worker uses it, and what may be wrong with a file."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import google_crc32c
import httpx
import pytest

from tests.contract.google_client import (
    BUCKET,
    address,
    client,
    create,
    object_url,
    requests,
    storage,
    token,
    wait,
)
from tests.contract.google_emulator import Emulator, google_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google import genai

MEDIA = {"alt": "media"}
READ_WRITE = "https://www.googleapis.com/auth/devstorage.read_write"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(emulator: Emulator) -> Iterator[genai.Client]:
    with client(emulator) as made:
        yield made


@pytest.fixture(scope="module")
def http(emulator: Emulator) -> Iterator[httpx.Client]:
    with storage(emulator) as opened:
        yield opened


def clip(sdk: genai.Client, markers: str = "") -> str:
    """The path of a new clip made with these markers."""
    return object_url(address(wait(sdk, create(sdk, f"a lighthouse {uuid.uuid4()} {markers}"))))


def put(http: httpx.Client, name: str, data: bytes = b"some bytes", bucket: str = BUCKET) -> httpx.Response:
    return http.post(
        f"/upload/storage/v1/b/{bucket}/o",
        params={"uploadType": "media", "name": name},
        content=data,
        headers={"content-type": "application/x-test"},
    )


def checksums(data: bytes) -> tuple[str, str]:
    """md5 and crc32c in base64."""
    md5 = hashlib.md5(data, usedforsecurity=False).digest()
    crc32c = google_crc32c.value(data).to_bytes(4, "big")
    return base64.b64encode(md5).decode(), base64.b64encode(crc32c).decode()


def test_a_clip_comes_with_the_checksums_google_sends(sdk: genai.Client, http: httpx.Client) -> None:
    path = clip(sdk)
    media, metadata = http.get(path, params=MEDIA), http.get(path).json()
    md5, crc32c = checksums(media.content)
    assert media.headers["x-goog-hash"] == f"crc32c={crc32c},md5={md5}"
    assert media.headers["x-goog-stored-content-length"] == str(len(media.content))
    assert media.headers["content-length"] == str(len(media.content))
    assert media.headers["x-goog-generation"] == metadata["generation"]
    assert media.headers["etag"] == f'"{metadata["etag"]}"'
    assert media.headers["content-type"] == "video/mp4"
    assert (metadata["md5Hash"], metadata["crc32c"]) == (md5, crc32c)
    assert metadata["size"] == str(len(media.content))
    assert metadata["contentType"] == "video/mp4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", metadata["timeCreated"])


def test_a_range_is_a_part_of_the_object(http: httpx.Client) -> None:
    put(http, "alphabet", b"abcdefghijklmnopqrstuvwxyz")
    path = object_url(f"gs://{BUCKET}/alphabet")
    part = http.get(path, params=MEDIA, headers={"range": "bytes=3-5"})
    assert (part.status_code, part.content) == (206, b"def")
    assert part.headers["content-range"] == "bytes 3-5/26"
    assert http.get(path, params=MEDIA, headers={"range": "bytes=20-"}).content == b"uvwxyz"
    assert http.get(path, params=MEDIA, headers={"range": "bytes=26-"}).status_code == 416


def test_listing_goes_by_prefix_in_pages(http: httpx.Client) -> None:
    folder = str(uuid.uuid4())
    names = [f"{folder}/{number}/clip_%.mp4" for number in range(5)]
    for name in [*names, f"{folder}x/other"]:
        put(http, name)
    found, query = [], {"prefix": f"{folder}/", "maxResults": "2"}
    for _ in range(3):
        page = http.get(f"/storage/v1/b/{BUCKET}/o", params=query).json()
        found.append([item["name"] for item in page["items"]])
        query["pageToken"] = page.get("nextPageToken", "")
    assert found == [names[:2], names[2:4], names[4:]]
    assert query["pageToken"] == ""
    assert "items" not in http.get(f"/storage/v1/b/{BUCKET}/o", params={"prefix": "nothing/"}).json()


def test_a_deleted_object_is_gone(emulator: Emulator, http: httpx.Client) -> None:
    stored = put(http, "folder/short lived").json()
    path = object_url(f"gs://{BUCKET}/folder/short lived")
    assert stored["generation"] == http.get(path).json()["generation"]
    assert http.delete(path).status_code == 204
    missing = http.delete(path)
    assert missing.status_code == 404
    assert missing.json()["error"]["errors"][0]["reason"] == "notFound"
    assert http.get(path, params=MEDIA).text == f"No such object: {BUCKET}/folder/short lived"
    assert requests(emulator, kind="delete")["counts"]["delete"] == 2


def test_a_new_upload_takes_the_place_of_the_old(http: httpx.Client) -> None:
    first, second = put(http, "twice", b"one").json(), put(http, "twice", b"two").json()
    assert int(second["generation"]) > int(first["generation"])
    path = object_url(f"gs://{BUCKET}/twice")
    assert http.get(path, params=MEDIA).content == b"two"
    assert http.get(path, params={"generation": first["generation"]}).status_code == 404


def test_a_name_must_be_encoded(http: httpx.Client) -> None:
    put(http, "folder/object")
    assert http.get(f"/storage/v1/b/{BUCKET}/o/folder%2Fobject").status_code == 200
    assert http.get(f"/storage/v1/b/{BUCKET}/o/folder/object").status_code == 404


def test_a_bucket_shows_its_two_day_rule_and_our_rights(http: httpx.Client) -> None:
    bucket = http.get(f"/storage/v1/b/{BUCKET}").json()
    assert bucket["lifecycle"]["rule"] == [{"action": {"type": "Delete"}, "condition": {"age": 2}}]
    wanted = ["storage.objects.get", "storage.objects.delete"]
    rights = http.get(f"/storage/v1/b/{BUCKET}/iam/testPermissions", params={"permissions": wanted})
    assert rights.json()["permissions"] == wanted


@pytest.mark.parametrize(("bucket", "status"), [("missing-bucket", 404), ("forbidden-bucket", 403)])
def test_a_bucket_may_be_missing_or_closed(http: httpx.Client, bucket: str, status: int) -> None:
    for path in (f"/storage/v1/b/{bucket}", f"/storage/v1/b/{bucket}/o", f"/storage/v1/b/{bucket}/o/x"):
        refused = http.get(path)
        assert refused.status_code == status
        assert refused.json()["error"]["code"] == status
    assert put(http, "x", bucket=bucket).status_code == status


def test_nobody_gets_in_without_a_token(emulator: Emulator) -> None:
    path = f"{emulator.url}/storage/v1/b/{BUCKET}/o/x"
    for headers in ({}, {"authorization": "Bearer ya29.c.made-up"}, {"authorization": "Basic eDp5"}):
        refused = httpx.get(path, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["errors"][0]["location"] == "Authorization"
    good = {"authorization": f"Bearer {token(emulator, READ_WRITE)}"}
    assert httpx.get(path, headers=good).status_code == 404


def test_cut_sends_half_and_hangs_up(sdk: genai.Client, http: httpx.Client) -> None:
    path, received = clip(sdk, "[cut:1]"), bytearray()

    def read(response: httpx.Response) -> None:
        for chunk in response.iter_raw():
            received.extend(chunk)

    with http.stream("GET", path, params=MEDIA) as response:
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            read(response)
        promised = int(response.headers["content-length"])
    assert len(received) == promised // 2
    assert len(http.get(path, params=MEDIA).content) == promised


def test_notvideo_is_a_web_page_with_a_true_checksum(sdk: genai.Client, http: httpx.Client) -> None:
    path = clip(sdk, "[notvideo]")
    page = http.get(path, params=MEDIA)
    md5, crc32c = checksums(page.content)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-goog-hash"] == f"crc32c={crc32c},md5={md5}"
    assert page.content.startswith(b"<!DOCTYPE html>")
    assert http.get(path).json()["size"] == str(len(page.content))


def test_expired_is_gone_from_everywhere(emulator: Emulator, sdk: genai.Client, http: httpx.Client) -> None:
    prefix = f"{uuid.uuid4()}/"
    done = wait(sdk, create(sdk, f"{prefix} [expired]", output_gcs_uri=f"gs://{BUCKET}/{prefix}"))
    path = object_url(address(done))
    assert http.get(path, params=MEDIA).status_code == 404
    assert http.get(path).status_code == 404
    assert http.delete(path).status_code == 404
    assert "items" not in http.get(f"/storage/v1/b/{BUCKET}/o", params={"prefix": prefix}).json()
    assert [seen["marker"] for seen in requests(emulator, kind="download")["requests"]][-1] == "expired"


@pytest.mark.slow
def test_large_objects_pass_through_without_filling_the_memory(
    emulator: Emulator, http: httpx.Client
) -> None:
    megabyte, count = os.urandom(1024 * 1024), 300
    before = resident_megabytes(emulator)
    uploaded = http.post(
        f"/upload/storage/v1/b/{BUCKET}/o",
        params={"uploadType": "media", "name": "large"},
        content=(megabyte for _ in range(count)),
    ).json()
    assert uploaded["size"] == str(count * len(megabyte))
    received = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    with http.stream("GET", object_url(f"gs://{BUCKET}/large"), params=MEDIA) as response:
        for chunk in response.iter_raw(1024 * 1024):
            received.update(chunk)  # type: ignore[no-untyped-call]
    digest = received.digest()  # type: ignore[no-untyped-call]
    assert base64.b64encode(digest).decode() == uploaded["crc32c"]
    assert resident_megabytes(emulator) - before < 40
    http.delete(object_url(f"gs://{BUCKET}/large"))


def resident_megabytes(emulator: Emulator) -> float:
    """The most memory the emulator has ever had at once."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
