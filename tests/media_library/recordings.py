"""Films and sound as encoders write them."""

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import av

SOUND_RATE = 48_000


def recording(
    format: str,
    video: str = "",
    audio: str = "",
    *,
    seconds: int = 2,
    size: tuple[int, int] = (64, 48),
    rate: int = 25,
    layout: str = "mono",
    sound_rate: int = SOUND_RATE,
    upright: bool = False,
    metadata: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    coding: dict[str, str] | None = None,
    **options: str,
) -> bytes:
    """`coding` is told to the encoder of the pictures, `options` to the container.

    A phone held `upright` turns the first track's matrix.
    """
    with (
        NamedTemporaryFile() as target,
        av.open(target.name, "w", format=format, options=options) as container,
    ):
        container.metadata.update(metadata or {})
        streams: list[tuple[Any, Iterator[Any]]] = []
        if video:
            pictures: Any = container.add_stream(video, rate=rate, options=coding or {})
            pictures.width, pictures.height = size
            pictures.pix_fmt = pixels
            streams.append((pictures, _pictures(seconds * rate, size)))
        if audio:
            sound: Any = container.add_stream(audio, rate=sound_rate, layout=layout)
            streams.append((sound, _sound(sound, seconds, layout, sound_rate)))
        for stream, frames in streams:
            for frame in frames:
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        container.close()
        body = Path(target.name).read_bytes()
    return turned(body) if upright else body


def _pictures(count: int, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    for number in range(count):
        frame = av.VideoFrame(*size, "rgb24")
        frame.planes[0].update(bytes((number * 5 % 256,)) * frame.planes[0].buffer_size)
        yield frame


def _sound(stream: Any, seconds: int, layout: str, rate: int) -> Iterator[av.AudioFrame]:
    channels = 1 if layout == "mono" else 2
    tone = (round(math.sin(each / 20) * 8000) for each in range(seconds * rate))
    whole = av.AudioFrame("s16", layout, seconds * rate)
    samples = array("h", [each for each in tone for _ in range(channels)]).tobytes()
    whole.planes[0].update(samples.ljust(whole.planes[0].buffer_size, b"\0"))
    whole.sample_rate, whole.time_base, whole.pts = rate, Fraction(1, rate), 0
    context = stream.codec_context
    context.open(strict=False)
    resampler = av.AudioResampler(context.format, layout, rate, context.frame_size or None)
    yield from resampler.resample(whole)
    yield from resampler.resample(None)


def turned(body: bytes) -> bytes:
    """As a phone held upright writes it: the matrix of the first track turns by a quarter."""
    at = body.index(b"tkhd") + 4 + 40
    one = 1 << 16
    quarter = (0, one, 0, -one & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30)
    return body[:at] + b"".join(value.to_bytes(4, "big") for value in quarter) + body[at + 36 :]
