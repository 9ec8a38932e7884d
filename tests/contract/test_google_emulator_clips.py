"""The emulator's clips are real: what was asked for is what a decoder finds."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pytest
from google.genai import types
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat

from tests.contract.google_client import address, client, create, object_url, storage, wait
from tests.contract.google_emulator import Emulator, google_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google import genai


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(emulator: Emulator) -> Iterator[genai.Client]:
    with client(emulator) as made:
        yield made


@dataclass(frozen=True)
class Clip:
    """A decoded file."""

    data: bytes
    duration: Fraction
    size: tuple[int, int]
    codecs: list[str]
    rate: Fraction | None
    times: list[Fraction]
    first: Image.Image
    last: Image.Image
    samples: int


def made(emulator: Emulator, sdk: genai.Client, image: types.Image | None = None, **config: Any) -> Clip:
    """Asks for a clip and decodes it to the end."""
    done = wait(sdk, create(sdk, f"waves {uuid.uuid4()}", image=image, **config))
    with storage(emulator) as http:
        data = http.get(object_url(address(done)), params={"alt": "media"}).raise_for_status().content
    with av.open(io.BytesIO(data), "r") as container:
        video, audios = container.streams.video[0], container.streams.audio
        assert container.duration is not None
        frames = list(container.decode(video))
        container.seek(0)
        samples = sum(frame.samples for frame in container.decode(audios[0])) if audios else 0
        return Clip(
            data=data,
            duration=Fraction(container.duration, av.time_base),
            size=(video.width, video.height),
            codecs=[stream.codec_context.name for stream in container.streams],
            rate=video.average_rate,
            times=[Fraction(frame.pts or 0) * frame.time_base for frame in frames if frame.time_base],
            first=frames[0].to_image(),  # type: ignore[no-untyped-call]
            last=frames[-1].to_image(),  # type: ignore[no-untyped-call]
            samples=samples,
        )


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean distance of two pictures, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize(
    ("seconds", "resolution", "aspect_ratio", "size"),
    [
        (4, "720p", "16:9", (1280, 720)),
        (6, "720p", "9:16", (720, 1280)),
        (8, "720p", "16:9", (1280, 720)),
        (8, "1080p", "16:9", (1920, 1080)),
        (8, "1080p", "9:16", (1080, 1920)),
    ],
)
def test_a_clip_has_the_length_and_size_that_were_asked_for(
    emulator: Emulator,
    sdk: genai.Client,
    seconds: int,
    resolution: str,
    aspect_ratio: str,
    size: tuple[int, int],
) -> None:
    clip = made(emulator, sdk, duration_seconds=seconds, resolution=resolution, aspect_ratio=aspect_ratio)
    assert clip.size == size
    assert abs(clip.duration - seconds) <= Fraction(1, 24)
    assert clip.rate == 24
    assert clip.times == [Fraction(number, 24) for number in range(24 * seconds)]
    assert clip.codecs == ["h264", "aac"]
    assert clip.samples >= 48_000 * seconds
    assert difference(clip.first, clip.last) > 5, "nothing moves"
    assert 200_000 < len(clip.data) < 10_000_000
    assert clip.data.index(b"moov") < clip.data.index(b"mdat"), (
        "a player must know the clip before it has it all"
    )


def test_a_clip_begins_with_the_reference_image_and_moves_closer(
    emulator: Emulator, sdk: genai.Client
) -> None:
    picture = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
    ImageDraw.Draw(picture).ellipse((500, 300, 1100, 900), fill=(200, 80, 40))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    image = types.Image(image_bytes=buffer.getvalue(), mime_type="image/jpeg")

    padded = made(emulator, sdk, image)
    assert difference(padded.first, ImageOps.pad(picture, (1280, 720))) < 4
    assert difference(padded.first, padded.last) > 2

    cropped = made(emulator, sdk, image, resize_mode=types.ImageResizeMode.CROP)
    assert difference(cropped.first, ImageOps.fit(picture, (1280, 720))) < 4


def test_a_clip_without_audio_has_no_audio_track(emulator: Emulator, sdk: genai.Client) -> None:
    clip = made(emulator, sdk, generate_audio=False)
    assert clip.codecs == ["h264"]
    assert clip.duration == 4


def test_wronglength_is_a_whole_clip_of_another_length(emulator: Emulator, sdk: genai.Client) -> None:
    done = wait(sdk, create(sdk, f"waves {uuid.uuid4()} [wronglength]", duration_seconds=4))
    with storage(emulator) as http:
        data = http.get(object_url(address(done)), params={"alt": "media"}).content
    with av.open(io.BytesIO(data), "r") as container:
        assert len(list(container.decode(video=0))) == 24 * 6


def test_seeds_make_different_clips_and_the_same_seed_the_same(emulator: Emulator, sdk: genai.Client) -> None:
    one, again, other = (made(emulator, sdk, seed=seed).data for seed in (1, 1, 2))
    assert one == again
    assert one != other
