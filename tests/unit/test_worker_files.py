from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import av
import google_crc32c
import pytest

from worker.download import BadDownloadError, download
from worker.media import NotTheVideoError, check_asked, inspect
from worker.providers.base import ResultStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONTENT = b"some bytes of a clip" * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).digest()
CRC32C = google_crc32c.value(CONTENT).to_bytes(4, "big")


def stream(
    *,
    size: int | None = len(CONTENT),
    content_type: str | None = "video/mp4",
    md5: bytes | None = MD5,
    crc32c: bytes | None = CRC32C,
) -> ResultStream:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(CONTENT), 700):
            yield CONTENT[start : start + 700]

    return ResultStream(size=size, content_type=content_type, chunks=chunks(), md5=md5, crc32c=crc32c)


async def test_a_whole_file_is_written_and_hashed(tmp_path: Path) -> None:
    got = await download(stream(), tmp_path / "clip", max_bytes=len(CONTENT))
    assert (tmp_path / "clip").read_bytes() == CONTENT
    assert got.size == len(CONTENT)
    assert got.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert got.md5 == MD5.hex()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (stream(size=len(CONTENT) + 1), "arrived"),
        (stream(md5=b"x" * 16), "md5"),
        (stream(crc32c=b"xxxx"), "crc32c"),
        (stream(content_type="text/html; charset=utf-8"), "text/html"),
    ],
)
async def test_a_file_that_is_not_what_the_provider_stored_is_refused(
    tmp_path: Path, bad: ResultStream, said: str
) -> None:
    with pytest.raises(BadDownloadError, match=said):
        await download(bad, tmp_path / "clip", max_bytes=10**6)


@pytest.mark.parametrize("size", [len(CONTENT), None])
async def test_a_file_above_the_limit_is_refused_also_without_a_length(
    tmp_path: Path, size: int | None
) -> None:
    with pytest.raises(BadDownloadError, match="VIDEO_MAX_BYTES"):
        await download(stream(size=size), tmp_path / "clip", max_bytes=len(CONTENT) - 1)
    assert not (tmp_path / "clip").exists() or (tmp_path / "clip").stat().st_size < len(CONTENT)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 720p."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=24)
        video.width, video.height, video.pix_fmt = 1280, 720, "yuv420p"
        frame = av.VideoFrame(1280, 720, "yuv420p")
        for number in range(96):
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def test_a_clip_tells_its_size_length_and_look(clip: Path) -> None:
    found = inspect(clip)
    assert (found.width, found.height) == (1280, 720)
    assert found.duration == pytest.approx(4, abs=0.1)
    assert found.poster.startswith(b"\xff\xd8\xff")
    (clip.parent / "poster.jpg").write_bytes(found.poster)
    with av.open(str(clip.parent / "poster.jpg")) as poster:
        assert (poster.streams.video[0].width, poster.streams.video[0].height) == (640, 360)
    check_asked(found, duration=4, resolution="720p", aspect_ratio="16:9")


@pytest.mark.parametrize(
    ("duration", "resolution", "aspect_ratio"),
    [(6, "720p", "16:9"), (4, "1080p", "16:9"), (4, "720p", "9:16")],
)
def test_a_clip_that_was_not_ordered_is_refused(
    clip: Path, duration: int, resolution: str, aspect_ratio: str
) -> None:
    with pytest.raises(NotTheVideoError):
        check_asked(inspect(clip), duration=duration, resolution=resolution, aspect_ratio=aspect_ratio)


@pytest.mark.parametrize(
    "content", [b"", b"<!doctype html><p>not a video", b"\x00\x00\x00\x18ftypmp42 and no more"]
)
def test_what_is_not_a_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(NotTheVideoError):
        inspect(path)
