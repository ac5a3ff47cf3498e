"""What the probes share: the bytes they read, what they find, how they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from mmap import mmap
from typing import BinaryIO, NamedTuple, Protocol, TypedDict

from inro.common.errors import Refused
from media_library import limits

Bytes = bytes | mmap


class Details(TypedDict, total=False):
    """What else the bytes tell. A key that is missing is not known, or does not apply.

    Codecs are called as ffmpeg calls them; the first track of each kind counts.
    """

    video_codec: str
    video_profile: str  # of H.264 in ISO media
    b_frames: (
        bool  # of H.264 in ISO media: some pictures are not stored in the order they are shown
    )
    audio_codec: str
    channels: int  # of sound
    faststart: bool  # of ISO media: what a player needs first comes first
    orientation: int  # of a picture that has to be turned or mirrored to be shown: EXIF, 2–8
    pages: int  # of a PDF
    animated: bool  # of GIF, PNG and WebP
    bits: int  # a colour or grey value of a PNG has
    color: str  # rgb, gray or cmyk
    has_alpha: bool
    stripped: bool  # something that gave a person away was left out


@dataclass(frozen=True)
class Facts:
    """`width` and `height` are those of the picture as it is shown; `duration` is in seconds."""

    mime_type: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    details: Details = field(default_factory=Details)


class Sample(NamedTuple):
    """One file twice: as bytes, for what is read here and there, and open, for libraries."""

    data: Bytes
    file: BinaryIO


class Probe(Protocol):
    """Raises Refused when the bytes are not what their first ones promise."""

    def __call__(self, sample: Sample) -> Facts: ...


def unsupported(message: str) -> Refused:
    return Refused("unsupported_media", message)


def truncated(what: str) -> Refused:
    return unsupported(f"The {what} is truncated or damaged.")


def number(data: Bytes, at: int, size: int, what: str) -> int:
    """`size` bytes at `at`, big-endian. Raises Refused past the end of the file."""
    if at + size > len(data):
        raise truncated(what)
    return int.from_bytes(data[at : at + size], "big")


def parts(what: str, limit: int = limits.MAX_PARTS) -> Iterator[int]:
    """Counts the parts of a file that is walked. Raises Refused where an honest file has ended."""
    yield from range(limit)
    raise too_many(what)


def too_many(what: str) -> Refused:
    return unsupported(f"The {what} is in too many pieces.")


def lasting(seconds: float) -> float | None:
    """A duration to the millisecond; None for none. Raises Refused when it is too long."""
    if not isfinite(seconds) or seconds <= 0:
        return None
    if seconds > limits.MAX_DURATION:
        hours = limits.MAX_DURATION // 3600
        raise unsupported(f"The recording is longer than {hours} hours.")
    return round(seconds, 3)


def check_pixels(pixels: int, what: str = "image") -> None:
    if pixels > limits.MAX_PIXELS:
        most = limits.MAX_PIXELS // 1_000_000
        raise unsupported(f"The {what} has more than {most} megapixels.")
