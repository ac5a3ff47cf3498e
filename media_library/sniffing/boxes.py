"""The boxes that ISO media (MP4, MOV, 3GP, HEIC) is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from media_library import limits
from media_library.sniffing.facts import Bytes, number, parts, too_many, truncated


class Box(NamedTuple):
    """`at` is where its header begins, the content lies between `start` and `stop`."""

    name: bytes
    at: int
    start: int
    stop: int


def boxes(data: Bytes, at: int, end: int, budget: Iterator[int]) -> Iterator[Box]:
    """Those between two places. Raises Refused when one is not whole."""
    while at < end and (at == 0 or data[at : at + 8] != bytes(8)):  # zeros are padding
        if end - at == 4 and data[at:end] == bytes(4):  # QuickTime may end a list by a zero
            return
        if next(budget, None) is None:  # as before, for whoever walks on
            raise too_many("file")
        size, name, start = number(data, at, 4, "file"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = number(data, start, 8, "file"), at + 16
        stop = end if size == 0 else at + size
        if stop < start or stop > end:
            raise truncated("file")
        yield Box(name, at, start, stop)
        at = stop


def top(data: Bytes) -> list[Box]:
    return list(boxes(data, 0, len(data), parts("file")))


class Walk:
    """One look at the inside of boxes, at so many of them and no more."""

    def __init__(self, data: Bytes, limit: int = limits.MAX_PARTS) -> None:
        self.data = data
        self._budget = parts("file", limit)

    def inside(self, box: Box, skip: int = 0) -> Iterator[Box]:
        """The boxes in `box`, whose own fields take the first `skip` bytes."""
        return boxes(self.data, box.start + skip, box.stop, self._budget)

    def all(self, box: Box, *path: bytes) -> Iterator[Box]:
        """Those below `box` at `path`."""
        for each in self.inside(box):
            if each.name == path[0]:
                if len(path) == 1:
                    yield each
                else:
                    yield from self.all(each, *path[1:])

    def one(self, box: Box, *path: bytes) -> Box | None:
        return next(self.all(box, *path), None)

    def number(self, box: Box, at: int, size: int) -> int:
        """Of the field `at` bytes into its content. Raises Refused when the box ends before."""
        if box.start + at + size > box.stop:
            raise truncated("file")
        return number(self.data, box.start + at, size, "file")
