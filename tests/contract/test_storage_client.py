"""Storage as an application uses it: through supabase-py, as people who signed up."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from storage3.exceptions import StorageApiError

from tests.support.people import Person, service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage3._async.file_api import AsyncBucketProxy
    from storage3.types import FileOptions, SearchV2Options, UploadSignedUrlFileOptions

    from tests.contract.storage_api import StorageApi

_OWN_FOLDER = "bucket_id = 'files' and (storage.foldername(name))[1] = (select auth.uid()::text)"
_PNG: FileOptions = {"content-type": "image/png"}
_SIGNED: UploadSignedUrlFileOptions = {"content-type": "image/png"}
_OVER: FileOptions = {"content-type": "image/png", "upsert": "true"}


@pytest.fixture(autouse=True)
def bucket(storage_api: StorageApi) -> Iterator[None]:
    """A bucket `files` in which people may do everything in their own folder."""
    storage_api.allow("insert", "select", "update", "delete", condition=_OWN_FOLDER)
    storage_api.send(
        "POST",
        "/bucket",
        json={"name": "files", "file_size_limit": "1MB", "allowed_mime_types": ["image/*", "text/plain"]},
    ).raise_for_status()
    yield
    storage_api.send("POST", "/bucket/files/empty").raise_for_status()
    storage_api.send("DELETE", "/bucket/files").raise_for_status()
    assert _content(storage_api) == []


@pytest_asyncio.fixture
async def person(storage_api: StorageApi) -> Person:
    """Somebody signed in."""
    return await sign_up(storage_api.stack)


def files_of(person: Person) -> AsyncBucketProxy:
    """The bucket as this person sees it."""
    return person.client.storage.from_("files")


async def test_what_was_uploaded_is_found_read_and_removed(person: Person) -> None:
    files = files_of(person)
    path = f"{person.id}/pictures/one.png"

    uploaded = await files.upload(
        path, b"first", {"content-type": "image/png", "cache-control": "60", "metadata": {"from": "camera"}}
    )

    assert uploaded.full_path == f"files/{path}"
    assert await files.download(path) == b"first"
    info = await files.info(path)
    assert info["size"] == 5
    assert info["content_type"] == "image/png"
    assert info["cache_control"] == "max-age=60"
    assert info["metadata"] == {"from": "camera"}
    assert info["etag"] == f'"{hashlib.md5(b"first", usedforsecurity=False).hexdigest()}"'
    assert [entry["name"] for entry in await files.list(str(person.id))] == ["pictures"]
    assert [entry["name"] for entry in await files.list(f"{person.id}/pictures")] == ["one.png"]
    assert await files.exists(path)

    removed = await files.remove([path, f"{person.id}/never.png"])

    assert [row["name"] for row in removed] == [path]
    assert removed[0]["owner_id"] == str(person.id)
    assert not await files.exists(path)


async def test_a_file_object_is_uploaded(person: Person, tmp_path: Path) -> None:
    files = files_of(person)
    local = tmp_path / "notes.txt"
    # Larger than one network read, and with what could be mistaken for the end of a form.
    content = b"line\r\n--boundary--\r\n" * 30_000
    local.write_bytes(content)

    with local.open("rb") as opened:
        await files.upload(f"{person.id}/notes.txt", opened, {"content-type": "text/plain"})
    await files.upload(f"{person.id}/by-path.txt", local, {"content-type": "text/plain"})

    assert await files.download(f"{person.id}/notes.txt") == content
    assert await files.download(f"{person.id}/by-path.txt") == content


async def test_a_signed_link_needs_no_key_and_gives_ranges(person: Person) -> None:
    files = files_of(person)
    path = f"{person.id}/clip one.png"
    await files.upload(path, b"0123456789", _PNG)

    link = (await files.create_signed_url(path, 60, {"download": "clip.png"}))["signedURL"]
    many = await files.create_signed_urls([path, "missing.png"], 60)

    assert link is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        whole = await http.get(link)
        part = await http.get(link, headers={"range": "bytes=2-4"})
        for_another_object = await http.get(link.replace("one", "two"))
    assert whole.content == b"0123456789"
    assert whole.headers["content-disposition"].startswith("attachment; filename=clip.png")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert for_another_object.json()["code"] == "InvalidSignature"
    assert many[0]["error"] is None
    assert many[1]["signedURL"] is None


async def test_a_signed_upload_keeps_its_name_and_owner(storage_api: StorageApi, person: Person) -> None:
    path = f"{person.id}/later.png"
    link = await files_of(person).create_signed_upload_url(path)

    service = (await service_client(storage_api.stack)).storage.from_("files")
    await service.upload_to_signed_url(path, link["token"], b"sent", _SIGNED)

    assert await files_of(person).download(path) == b"sent"
    with pytest.raises(StorageApiError, match="already exists"):
        await service.upload_to_signed_url(path, link["token"], b"again", _SIGNED)
    with pytest.raises(StorageApiError, match="Invalid signature"):
        await service.upload_to_signed_url(f"{person.id}/other.png", link["token"], b"sent", _SIGNED)
    removed = await files_of(person).remove([path])
    assert removed[0]["owner_id"] == str(person.id)


async def test_a_stranger_neither_reads_nor_writes_nor_learns_of_files(
    storage_api: StorageApi, person: Person
) -> None:
    path = f"{person.id}/private.png"
    await files_of(person).upload(path, b"mine", _PNG)
    stranger = files_of(await sign_up(storage_api.stack, name="stranger"))

    for attempt in (stranger.download(path), stranger.create_signed_url(path, 60), stranger.info(path)):
        with pytest.raises(StorageApiError) as missing:
            await attempt
        assert (missing.value.status, missing.value.code) == ("404", "not_found")
    for denied_attempt in (
        stranger.upload(f"{person.id}/planted.png", b"x", _PNG),
        stranger.upload(path, b"x", _OVER),
    ):
        with pytest.raises(StorageApiError) as denied:
            await denied_attempt
        assert (denied.value.status, denied.value.code) == ("403", "Unauthorized")
    assert await stranger.list(str(person.id)) == []
    assert await stranger.remove([path]) == []
    assert await files_of(person).download(path) == b"mine"


async def test_overwriting_needs_a_policy_for_update(storage_api: StorageApi, person: Person) -> None:
    files = files_of(person)
    path = f"{person.id}/cover.png"
    storage_api.allow("insert", "select", condition=_OWN_FOLDER)
    await files.upload(path, b"first", _PNG)

    with pytest.raises(StorageApiError) as duplicate:
        await files.upload(path, b"second", _PNG)
    assert (duplicate.value.status, duplicate.value.code) == ("409", "Duplicate")
    with pytest.raises(StorageApiError) as denied:
        await files.upload(path, b"second", _OVER)
    assert (denied.value.status, denied.value.code) == ("403", "Unauthorized")
    assert await files.download(path) == b"first"

    storage_api.allow("insert", "select", "update", condition=_OWN_FOLDER)
    await files.upload(path, b"second", _OVER)
    assert await files.download(path) == b"second"
    # The replaced content is gone.
    assert len(_content(storage_api)) == 1


async def test_a_file_moves_and_copies_without_losing_its_content(
    storage_api: StorageApi, person: Person
) -> None:
    files = files_of(person)
    await files.upload(f"{person.id}/a.png", b"content", _PNG)
    await files.upload(f"{person.id}/taken.png", b"other", _PNG)

    await files.move(f"{person.id}/a.png", f"{person.id}/b.png")
    await files.copy(f"{person.id}/b.png", f"{person.id}/c.png")
    with pytest.raises(StorageApiError, match="already exists"):
        await files.move(f"{person.id}/b.png", f"{person.id}/taken.png")
    with pytest.raises(StorageApiError, match="row-level security"):
        await files.copy(f"{person.id}/b.png", "elsewhere/b.png")

    assert not await files.exists(f"{person.id}/a.png")
    await files.remove([f"{person.id}/b.png"])
    assert await files.download(f"{person.id}/c.png") == b"content"
    assert await files.download(f"{person.id}/taken.png") == b"other"
    assert len(_content(storage_api)) == 2


async def test_what_the_bucket_refuses_leaves_nothing_behind(storage_api: StorageApi, person: Person) -> None:
    files = files_of(person)

    film: FileOptions = {"content-type": "video/mp4"}

    for content, options, status in ((b"\0" * 1_000_001, _PNG, "413"), (b"small", film, "415")):
        with pytest.raises(StorageApiError) as refused:
            await files.upload(f"{person.id}/refused", content, options)
        assert refused.value.status == status

    assert not await files.exists(f"{person.id}/refused")
    assert _content(storage_api) == []


async def test_uploads_of_one_name_at_once_leave_one_whole_file(
    storage_api: StorageApi, person: Person
) -> None:
    path = f"{person.id}/contested.png"
    contents = [bytes([letter]) * 200_000 for letter in b"abcdefgh"]

    await asyncio.gather(*(files_of(person).upload(path, content, _OVER) for content in contents))

    assert await files_of(person).download(path) in contents
    assert len(_content(storage_api)) == 1


async def test_pages_go_through_everything_once(person: Person) -> None:
    files = files_of(person)
    names = [f"{person.id}/{folder}/{number}.png" for folder in "ab" for number in range(3)]
    for name in names:
        await files.upload(name, b"x", _PNG)

    found: list[str] = []
    query: SearchV2Options = {"limit": 4, "sortBy": {"column": "created_at", "order": "desc"}}
    for _ in range(2):
        page = await files.list_v2(query)
        found += [entry.name for entry in page.objects]
        query["cursor"] = page.nextCursor or ""
    folders = await files.list_v2({"prefix": f"{person.id}/", "with_delimiter": True})

    assert found == names[::-1]
    assert not page.hasNext
    assert [folder.name for folder in folders.folders] == [f"{person.id}/a/", f"{person.id}/b/"]


def _content(api: StorageApi) -> list[Path]:
    """Every file below Storage's directory that holds content."""
    directory = api.stack.state_dir / "storage"
    return [
        file
        for part in ("objects", "incoming", "resumable")
        for file in (directory / part).rglob("*")
        if file.is_file()
    ]
