"""What a form is made from and written to, inside the process that makes it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from media_library.transcoding.jobs import FAILED, TOO_LARGE, TranscodingFailed


class Overflow(Exception):
    """The result is growing beyond what it may have: it must be made smaller."""


class CappedFile(io.FileIO):
    """A new file of at most `max_bytes`. Raises Overflow where it would get longer."""

    def __init__(self, path: str, max_bytes: int) -> None:
        super().__init__(path, "w+")
        self._max_bytes = max_bytes

    def write(self, data: Any) -> int:
        left = memoryview(data)
        if self.tell() + len(left) > self._max_bytes:
            raise Overflow
        written = len(left)
        while left:
            left = left[super().write(left) or 0 :]
        return written


@dataclass(frozen=True)
class Work:
    """`source` is read as `mime_type`, whatever else its bytes might be; `target` is a path."""

    source: BinaryIO
    target: str
    mime_type: str
    max_bytes: int
    progress: Callable[[int], None]

    def file(self) -> CappedFile:
        """The result, empty, however often it was begun before."""
        return CappedFile(self.target, self.max_bytes)


def damaged(message: str) -> TranscodingFailed:
    return TranscodingFailed(FAILED, message)


def too_large(message: str) -> TranscodingFailed:
    return TranscodingFailed(TOO_LARGE, message)


def in_words(size: int) -> str:
    """`16 MB`, `300 kB`: as people say how large a file is."""
    if size >= 1_000_000:
        return f"{size / 1_000_000:.3g} MB"
    return f"{size / 1000:.3g} kB"
