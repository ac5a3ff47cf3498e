"""What the probes share: the bytes they read, what they find, how they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import BinaryIO, NamedTuple, Protocol

from inro.common.errors import Refused
from media_library import limits

Bytes = bytes | mmap


@dataclass(frozen=True)
class Facts:
    """`width` and `height` are those of the picture as it is shown."""

    mime_type: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None


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
    raise unsupported(f"The {what} is in too many pieces.")
