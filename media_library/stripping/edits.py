"""A file as it is but for a few places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from media_library.sniffing.facts import Bytes

_CHUNK_BYTES = 256 * 1024


class Edit(NamedTuple):
    """What lies between two places becomes `instead`, then as many `fill`s as keep its length.

    Without `fill` the file gets shorter, or longer.
    """

    start: int
    stop: int
    instead: bytes = b""
    fill: bytes = b""

    def changes(self, data: Bytes) -> bool:
        """Compared without being held in memory, however much is to be filled."""
        at = self.start
        for piece in self._written():
            if data[at : at + len(piece)] != piece or at + len(piece) > self.stop:
                return True
            at += len(piece)
        return at != self.stop

    def _written(self) -> Iterator[bytes]:
        yield self.instead
        left = self.stop - self.start - len(self.instead) if self.fill else 0
        while left > 0:
            yield self.fill * min(left, _CHUNK_BYTES)
            left -= _CHUNK_BYTES


def pieces(data: Bytes, edits: Sequence[Edit]) -> Iterator[bytes]:
    """The edited file, a piece at a time."""
    at = 0
    for edit in (*edits, Edit(len(data), len(data))):
        for start in range(at, edit.start, _CHUNK_BYTES):
            yield data[start : min(start + _CHUNK_BYTES, edit.start)]
        yield from edit._written()
        at = max(at, edit.stop)
