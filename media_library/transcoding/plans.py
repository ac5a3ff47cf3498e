"""How many bits a second, and what size, make a result fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from media_library.transcoding.work import in_words, too_large

MAX_SIDE = 1920
MAX_RATE = 60  # frames a second
_CALM_RATE = 30  # where bits are short
_SIDES = (MAX_SIDE, 1280, 960, 640, 480, 320)
# Below, it falls into blocks.
_BITS_PER_PIXEL = 0.04
_MIN_PICTURE_BITS = 40_000
_MAX_PICTURE_BITS = 8_000_000
# Of what may be had, for containers and for encoders that overshoot.
_USABLE = 0.92


@dataclass(frozen=True)
class SoundPlan:
    codec: str
    layout: str
    sample_rate: int
    bits: int
    options: Mapping[str, str]


@dataclass(frozen=True)
class PicturePlan:
    """`rate` is about how many frames a second there are, `max_rate` how many are kept."""

    size: tuple[int, int]
    rate: Fraction
    max_rate: int
    bits: int


def usable_bits(max_bytes: int, seconds: float) -> int:
    """A second's."""
    return int(max_bytes * 8 * _USABLE / max(seconds, 1.0))


def sound_bits(usable: int, most: int, least: int, seconds: float, max_bytes: int) -> int:
    if usable < least:
        raise too_large(f"{_length(seconds)} of sound do not fit into {in_words(max_bytes)}.")
    return min(usable, most)


def picture_plan(
    shown: tuple[int, int], rate: Fraction, bits: int, seconds: float, max_bytes: int
) -> PicturePlan:
    """The largest size at which `bits` a second make a picture. Raises TranscodingFailed."""
    if bits < _MIN_PICTURE_BITS:
        raise too_large(f"{_length(seconds)} of video do not fit into {in_words(max_bytes)}.")
    bits = min(bits, _MAX_PICTURE_BITS)
    rate = min(rate, Fraction(MAX_RATE))
    for side in _SIDES:
        size = even(shown, side)
        for most in (MAX_RATE, _CALM_RATE):
            shown_rate = min(rate, Fraction(most))
            if bits >= _BITS_PER_PIXEL * size[0] * size[1] * shown_rate:
                return PicturePlan(size, shown_rate, most, bits)
    return PicturePlan(even(shown, _SIDES[-1]), min(rate, Fraction(_CALM_RATE)), _CALM_RATE, bits)


def even(shown: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(shown))
    width, height = (max(2, round(side * scale / 2) * 2) for side in shown)
    return width, height


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
