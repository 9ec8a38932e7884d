"""What the file itself says: is it a video, how long, how large, and what does it look like."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

POSTER_WIDTH: Final = 640
DURATION_TOLERANCE_SECONDS: Final = 0.5
# Encoders round a side to a multiple of 16.
SIDE_TOLERANCE: Final = 0.02
SHORT_SIDES: Final = {"720p": 720, "1080p": 1080}


class NotTheVideoError(Exception):
    """The file is not a video, or not the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """``duration`` in seconds; ``poster`` is a JPEG at most 640 pixels wide."""

    width: int
    height: int
    duration: float
    poster: bytes


def inspect(path: Path) -> Inspection:
    """Opens the container and decodes one frame. Blocking; raises NotTheVideoError."""
    try:
        # Named, so that a playlist or a subtitle file that names other files is never followed.
        with av.open(str(path), "r", format="mp4") as container:
            if not container.streams.video:
                raise NotTheVideoError("there is no video stream in it")
            stream = container.streams.video[0]
            # One thread: a decoder pool holds a frame for each, and one frame is all that is wanted.
            stream.codec_context.thread_count = 1
            frame = next(container.decode(stream), None)
            if frame is None:
                raise NotTheVideoError("it holds no picture")
            return Inspection(frame.width, frame.height, _duration(container, stream), _jpeg(frame))
    except (FFmpegError, ValueError) as error:
        raise NotTheVideoError(f"it cannot be read as MP4: {type(error).__name__}") from error


def check_asked(found: Inspection, *, duration: int, resolution: str, aspect_ratio: str) -> None:
    """Raises NotTheVideoError where length (seconds) or picture size is not what was ordered."""
    if abs(found.duration - duration) > DURATION_TOLERANCE_SECONDS:
        raise NotTheVideoError(f"it lasts {found.duration:.2f} s, not {duration} s")
    wide, high = (int(part) for part in aspect_ratio.split(":"))
    short = SHORT_SIDES[resolution]
    expected = (short * wide / high, short) if wide > high else (short, short * high / wide)
    for actual, wanted in zip((found.width, found.height), expected, strict=True):
        if abs(actual - wanted) > wanted * SIDE_TOLERANCE:
            raise NotTheVideoError(
                f"it is {found.width}x{found.height}, not {expected[0]:.0f}x{expected[1]:.0f} ({resolution})"
            )


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration / av.time_base
    raise NotTheVideoError("it does not say how long it is")


def _jpeg(frame: VideoFrame) -> bytes:
    width = min(POSTER_WIDTH, frame.width)
    height = max(2, round(frame.height * width / frame.width / 2) * 2)
    picture = frame.reformat(width=width - width % 2, height=height, format="yuvj420p")
    picture.pts = 0
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1, 24)
    encoder.options = {"qmin": "3", "qmax": "8"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
