"""Small real files of sound and video, made by the encoders that the library brings."""

from __future__ import annotations

import array
import io
import math
import struct
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from PIL import Image

# A test knows which streams its files have; the types do not.
opened: Any = av.open

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (220, 220, 30)

# 16.16 fixed point, as `tkhd` has it: what turns a picture clockwise by so many degrees.
_TURNS = {
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@dataclass
class Video:
    """`audio` is a codec or empty; `dark` seconds are black at the start."""

    muxer: str = "mp4"
    codec: str = "libx264"
    audio: str = "aac"
    size: tuple[int, int] = (96, 64)
    seconds: float = 1.0
    rate: int = 10
    channels: int = 2
    dark: float = 0.0
    pixels: str = "yuv420p"
    noise: bool = False
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        with (
            # With a name: to move its index to the front, a file is opened again.
            tempfile.NamedTemporaryFile() as target,
            opened(target.name, "w", format=self.muxer, options=self.container) as output,
        ):
            video = output.add_stream(self.codec, rate=self.rate, options=self.options)
            video.codec_context.width, video.codec_context.height = self.size
            video.codec_context.pix_fmt = self.pixels
            sound = _sound_stream(output, self.audio, 48_000, self.channels)
            for number in range(round(self.seconds * self.rate)):
                frame = av.VideoFrame.from_image(self._picture(number))
                frame.pts, frame.time_base = number, Fraction(1, self.rate)
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            if sound:
                _play(output, sound, self.seconds)
            output.close()
            return target.read()

    def _picture(self, number: int) -> Image.Image:
        if number < self.dark * self.rate:
            return Image.new("RGB", self.size)
        if self.noise:
            return Image.effect_noise(self.size, 100 + number % 7).convert("RGB")
        return corners(self.size)


def corners(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Red, green, blue and yellow, clockwise from the top left."""
    width, height = size
    picture = Image.new("RGB", size)
    for colour, (x, y) in zip(
        (RED, GREEN, BLUE, YELLOW), ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True
    ):
        box = (width // 2, height // 2)
        picture.paste(colour, (x * box[0], y * box[1], x * box[0] + box[0], y * box[1] + box[1]))
    return picture.convert(mode)


def corner_colours(picture: Image.Image) -> list[str]:
    """What is in the corners, clockwise from the top left."""
    picture = picture.convert("RGB")
    right, low = picture.width - 4, picture.height - 4
    return [_nearest(picture.getpixel(at)) for at in ((3, 3), (right, 3), (right, low), (3, low))]


def _nearest(pixel) -> str:
    names = {"red": RED, "green": GREEN, "blue": BLUE, "yellow": YELLOW, "white": (255, 255, 255)}
    name, colour = min(names.items(), key=lambda each: math.dist(each[1], pixel))
    return name if math.dist(colour, pixel) < 60 else str(pixel)


def turned(movie: bytes, degrees: int) -> bytes:
    """The same ISO file, whose picture is to be shown turned clockwise."""
    at = movie.index(b"tkhd") + 4 + 40
    a, b, c, d = (n << 16 for n in _TURNS[degrees])
    return movie[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + movie[at + 36 :]


def sound(
    muxer: str, codec: str, seconds: float = 1.0, channels: int = 2, rate: int = 48_000, **options
) -> bytes:
    target = io.BytesIO()
    with opened(target, "w", format=muxer) as output:
        _play(output, _sound_stream(output, codec, rate, channels, **options), seconds)
    return target.getvalue()


def _sound_stream(output, codec: str, rate: int, channels: int, bits: int = 0):
    if not codec:
        return None
    stream = output.add_stream(codec, rate=rate)
    stream.codec_context.layout = "mono" if channels == 1 else "stereo"
    if channels > 2:
        stream.codec_context.layout = "5.1"
    if bits:
        stream.bit_rate = bits
    return stream


def _play(output, stream, seconds: float) -> None:
    """A tone, louder than silence in every channel."""
    rate, layout = stream.codec_context.sample_rate, stream.codec_context.layout
    step, total = rate // 10, round(seconds * rate)
    for start in range(0, total, step):
        count = min(step, total - start)
        frame = av.AudioFrame(format="s16", layout=layout.name, samples=count)
        wave = array.array("h")
        for n in range(start, start + count):
            wave.extend([int(9000 * math.sin(n * 2 * math.pi * 440 / rate))] * layout.nb_channels)
        frame.planes[0].update(wave.tobytes())
        frame.pts, frame.sample_rate, frame.time_base = start, rate, Fraction(1, rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


@dataclass(frozen=True)
class Heard:
    """What a player finds in a file."""

    codec: str
    channels: int
    rate: int
    seconds: float
    level: int


def heard(path) -> Heard:
    with opened(str(path)) as container:
        stream = container.streams.audio[0]
        context, samples, level = stream.codec_context, 0, 0
        to_mono = av.AudioResampler("s16", "mono", 48_000)
        for frame in container.decode(stream):
            for each in to_mono.resample(frame):
                samples += each.samples
                pcm = array.array("h", bytes(each.planes[0])[: each.samples * 2])
                level = max(level, *map(abs, pcm), 0)
        return Heard(
            context.codec.canonical_name,
            context.channels,
            context.sample_rate,
            samples / 48_000,
            level,
        )


@dataclass(frozen=True)
class Seen:
    codec: str
    profile: str
    pixels: str
    size: tuple[int, int]
    seconds: float
    frames: int
    corners: list[str]
    tracks: list[str]


def seen(path) -> Seen:
    with opened(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frames = list(container.decode(stream))
        assert all(frame.rotation == 0 for frame in frames)
        return Seen(
            context.codec.canonical_name,
            context.profile,
            context.pix_fmt,
            (context.width, context.height),
            float(stream.duration * stream.time_base),
            len(frames),
            corner_colours(frames[-1].to_image()),
            [each.type for each in container.streams],
        )


def boxes(data: bytes) -> list[bytes]:
    """The names of an ISO file's boxes, in order."""
    names, at = [], 0
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += struct.unpack_from(">I", data, at)[0]
    return names
