"""A file as it is but for a few places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

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
        for piece in self.written():
            if data[at : at + len(piece)] != piece or at + len(piece) > self.stop:
                return True
            at += len(piece)
        return at != self.stop

    def written(self) -> Iterator[bytes]:
        yield self.instead
        left = self.stop - self.start - len(self.instead) if self.fill else 0
        while left > 0:
            yield self.fill * min(left, _CHUNK_BYTES)
            left -= _CHUNK_BYTES


def pieces(file: IO[bytes], edits: Sequence[Edit]) -> Iterator[bytes]:
    """The edited file, a piece at a time.

    Read, not looked at in a map of it, whose pages would all stay in memory.
    """
    file.seek(0)
    for edit in edits:
        left = edit.start - file.tell()
        while left > 0 and (piece := file.read(min(left, _CHUNK_BYTES))):
            yield piece
            left -= len(piece)
        yield from edit.written()
        file.seek(edit.stop)
    while piece := file.read(_CHUNK_BYTES):
        yield piece
