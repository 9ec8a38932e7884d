"""Renders one clip: `python -m functions_py.local.google.render '<FilmSpec as JSON>' <file> <waiting pid>`.

H.264 and AAC in a faststart MP4, as Veo's files are. The picture is composed by libavfilter from a few still
images that move, because drawing each frame costs more than encoding it: ffmpeg's own `gradients` source
needs 28 ms for a 1080p frame, panning over one big gradient needs 2. Likewise x264 `ultrafast` takes 6 ms a
frame, `superfast` 14, `veryfast` 22, and nobody archives these clips.
"""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.filter import Graph
from av.video.frame import PictureType
from PIL import Image, ImageDraw, ImageOps

from functions_py.local.google.films import FRAMES_PER_SECOND, FilmSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.filter.context import FilterContext

Colour = tuple[int, int, int]

# Four by three points of colour, smoothly blown up to the whole scene, and the three discs that drift over.
PALETTES: tuple[tuple[tuple[Colour, ...], tuple[Colour, Colour, Colour]], ...] = (
    (  # dusk
        (
            *((16, 24, 64), (40, 60, 140), (120, 60, 150), (230, 120, 90)),
            *((20, 40, 90), (60, 90, 170), (150, 80, 140), (240, 170, 110)),
            *((8, 12, 40), (30, 40, 100), (90, 40, 110), (200, 90, 80)),
        ),
        ((255, 210, 140), (140, 220, 255), (255, 150, 190)),
    ),
    (  # lagoon
        (
            *((6, 40, 56), (10, 90, 104), (40, 150, 140), (150, 210, 170)),
            *((10, 60, 84), (20, 120, 130), (80, 180, 150), (220, 230, 170)),
            *((4, 24, 44), (8, 70, 90), (30, 120, 120), (110, 180, 150)),
        ),
        ((250, 240, 190), (120, 240, 220), (255, 170, 130)),
    ),
    (  # ember
        (
            *((40, 10, 20), (110, 24, 36), (190, 60, 40), (240, 150, 60)),
            *((60, 16, 40), (140, 40, 50), (220, 90, 50), (250, 190, 90)),
            *((24, 6, 20), (80, 16, 40), (150, 44, 50), (210, 110, 60)),
        ),
        ((255, 230, 160), (255, 140, 120), (200, 150, 255)),
    ),
)


def render(film: FilmSpec, target: str, waiting: int) -> None:
    """Writes the clip: exactly `seconds x 24` frames and, unless switched off, a quiet stereo tone of that
    length.
    """
    video_options = {
        "preset": "ultrafast",
        "crf": "24",
        "maxrate": "6M",  # a noisy reference image would otherwise make 18 MB of 8 s
        "bufsize": "6M",
        "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709",
    }
    with av.open(target, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=video_options)
        video.width, video.height, video.pix_fmt = film.width, film.height, "yuv420p"
        video.codec_context.thread_count = 1
        if film.audio:
            audio = container.add_stream("aac", rate=48_000, layout="stereo")
            audio.bit_rate = 96_000
            for sound in tone(film.seconds):
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
        for frame in pictures(film):
            if os.getppid() != waiting:
                raise SystemExit("the emulator is gone: nobody waits for this clip")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def pictures(film: FilmSpec) -> Iterator[av.VideoFrame]:
    """The frames in order, stamped 0, 1, 2, … in 24ths of a second."""
    scene = Scene(film)
    for number in range(film.seconds * FRAMES_PER_SECOND):
        frame = scene.next_frame()
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
        frame.pict_type = PictureType.NONE
        yield frame


class Scene:
    """A filter graph: a moving background, three discs where there is no reference image, a progress bar."""

    def __init__(self, film: FilmSpec) -> None:
        self._film = film
        self._graph = Graph()
        self._stills: list[tuple[FilterContext, av.VideoFrame]] = []
        colours, discs = PALETTES[film.palette % len(PALETTES)]
        if film.image:
            picture = self._zoom(reference_picture(film))
        else:
            picture = self._drift(discs, self._pan(colours))
        picture = self._progress(picture)
        self._sink = self._graph.add("buffersink")
        picture.link_to(self._sink)
        self._graph.configure()
        for source, frame in self._stills:
            source.push(frame)
            source.push(None)

    def next_frame(self) -> av.VideoFrame:
        frame = self._graph.vpull()
        assert isinstance(frame, av.VideoFrame)
        return frame

    def _zoom(self, picture: Image.Image) -> FilterContext:
        """The reference image as the first frame, then 8 % closer by the end."""
        film, frames = self._film, self._film.seconds * FRAMES_PER_SECOND
        zoom = self._graph.add(
            "zoompan",
            f"z='1+0.08*on/{frames}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2'"
            f":d={frames}:s={film.width}x{film.height}:fps={FRAMES_PER_SECOND}",
        )
        self._still(picture, "yuv420p").link_to(zoom)
        return zoom

    def _pan(self, colours: tuple[Colour, ...]) -> FilterContext:
        """A window that wanders over a gradient a quarter larger than the picture."""
        film = self._film
        gradient = Image.new("RGB", (4, 3))
        gradient.putdata(colours)
        big = gradient.resize((film.width * 5 // 4, film.height * 5 // 4), Image.Resampling.BICUBIC)
        window = self._graph.add(
            "crop",
            f"w={film.width}:h={film.height}"
            ":x='(iw-ow)*(0.5+0.5*sin(t*0.5))':y='(ih-oh)*(0.5-0.5*cos(t*0.4))'",
        )
        self._endless(big, "yuv420p").link_to(window)
        return window

    def _drift(self, colours: tuple[Colour, Colour, Colour], below: FilterContext) -> FilterContext:
        short_side = min(self._film.width, self._film.height)
        for index, colour in enumerate(colours):
            shape = disc(short_side // (4 + 2 * index), colour)
            x = f"(W-w)*(0.5+0.45*sin(t*{0.5 + 0.2 * index}+{2 * index}))"
            y = f"(H-h)*(0.5+0.4*cos(t*{0.4 + 0.15 * index}+{index}))"
            below = self._over(shape, x, y, below)
        return below

    def _progress(self, below: FilterContext) -> FilterContext:
        """A thin bar along the bottom: full at the last frame, so a cut clip shows."""
        film = self._film
        bar = Image.new("RGBA", (film.width, max(8, film.height // 90)), (255, 255, 255, 200))
        return self._over(bar, f"-W+W*t/{film.seconds}", "H-h", below)

    def _over(self, shape: Image.Image, x: str, y: str, below: FilterContext) -> FilterContext:
        overlay = self._graph.add("overlay", f"x='{x}':y='{y}':format=yuv420:eof_action=repeat")
        below.link_to(overlay, 0, 0)
        self._still(shape, "yuva420p").link_to(overlay, 0, 1)
        return overlay

    def _endless(self, picture: Image.Image, pixel_format: str) -> FilterContext:
        """The same picture for ever, with a clock: `loop` alone repeats the first time stamp."""
        loop = self._graph.add("loop", "loop=-1:size=1")
        clock = self._graph.add("setpts", "N")
        self._still(picture, pixel_format).link_to(loop)
        loop.link_to(clock)
        return clock

    def _still(self, picture: Image.Image, pixel_format: str) -> FilterContext:
        frame = video_frame(picture).reformat(format=pixel_format, dst_colorspace="ITU709")
        frame.pts, frame.time_base = 0, Fraction(1, FRAMES_PER_SECOND)
        source = self._graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={pixel_format}"
            f":time_base=1/{FRAMES_PER_SECOND}:pixel_aspect=1/1",
        )
        self._stills.append((source, frame))
        return source


def tone(seconds: int) -> Iterator[av.AudioFrame]:
    """Two quiet notes, one on each side."""
    graph = Graph()
    source = graph.add(
        "aevalsrc",
        f"exprs='0.02*sin(2*PI*220*t)|0.02*sin(2*PI*277.18*t)':s=48000:d={seconds}:nb_samples=1024",
    )
    shape = graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo")
    sink = graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    while True:
        try:
            frame = graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame


def reference_picture(film: FilmSpec) -> Image.Image:
    """The reference image at the clip's size: padded with black or cropped, as `resizeMode` asked."""
    assert film.image is not None
    size = (film.width, film.height)
    with Image.open(film.image) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    if film.fit == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    return ImageOps.pad(picture, size, Image.Resampling.LANCZOS)


def disc(diameter: int, colour: Colour) -> Image.Image:
    """A translucent disc with a smooth edge (drawn at twice its size)."""
    large = Image.new("RGBA", (diameter * 2, diameter * 2), (*colour, 0))
    ImageDraw.Draw(large).ellipse((2, 2, 2 * diameter - 3, 2 * diameter - 3), fill=(*colour, 150))
    return large.resize((diameter // 2 * 2, diameter // 2 * 2), Image.Resampling.LANCZOS)


def video_frame(picture: Image.Image) -> av.VideoFrame:
    """The picture as an RGBA frame; PyAV's own `from_image` drops the transparency."""
    frame = av.VideoFrame(picture.width, picture.height, "rgba")
    row, stride = picture.width * 4, frame.planes[0].line_size
    pixels = picture.convert("RGBA").tobytes()
    if stride != row:
        padding = bytes(stride - row)
        pixels = b"".join(pixels[start : start + row] + padding for start in range(0, len(pixels), row))
    frame.planes[0].update(pixels)
    return frame


def main(arguments: list[str]) -> None:
    specification, target, waiting = arguments
    os.nice(5)  # a demo's browser and database come first
    try:
        render(FilmSpec(**json.loads(specification)), target, int(waiting))
    except SystemExit:
        Path(target).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
