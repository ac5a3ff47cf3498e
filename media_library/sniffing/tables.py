"""Where the samples of a track lie, and whether the file goes that far."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from media_library import limits
from media_library.sniffing.boxes import Box, Walk
from media_library.sniffing.facts import Bytes, too_many, truncated

_BLOCK = 1 << 16


def check_samples(walk: Walk, table: Box) -> None:
    """Raises Refused when samples of a track's `stbl` would lie behind the file's end."""
    found = {each.name: each for each in walk.inside(table)}
    chunks = found.get(b"stco") or found.get(b"co64")
    if chunks is None:
        return
    wide = 8 if chunks.name == b"co64" else 4
    last = -1
    for block in _numbers(walk, chunks, 8, walk.number(chunks, 4, 4), wide):
        if max(block) >= len(walk.data):
            raise truncated("file")
        last = block[-1]
    sizes, runs = found.get(b"stsz"), found.get(b"stsc")
    if last >= 0 and sizes and runs and last + _chunk_size(walk, sizes, runs) > len(walk.data):
        raise truncated("file")


def _chunk_size(walk: Walk, sizes: Box, runs: Box) -> int:
    """How many bytes the last chunk has."""
    of_each, count = walk.number(sizes, 4, 4), walk.number(sizes, 8, 4)
    entries = walk.number(runs, 4, 4)
    if not entries:
        return 0
    samples = min(walk.number(runs, 8 + 12 * (entries - 1) + 4, 4), count)
    if of_each:
        # Old QuickTime says 1 of sound, whatever a sample takes.
        return samples * of_each if of_each > 1 else 0
    if 12 + 4 * count > sizes.stop - sizes.start:
        raise truncated("file")
    return sum(map(sum, _numbers(walk, sizes, 12 + 4 * (count - samples), samples, 4)))


def _numbers(walk: Walk, box: Box, at: int, count: int, size: int) -> Iterator[array[int]]:
    """A table of numbers of 4 or 8 bytes, in blocks. Raises Refused when it is not whole."""
    if count > limits.MAX_SAMPLES:
        raise too_many("file")
    start, stop = box.start + at, box.start + at + count * size
    if stop > box.stop:
        raise truncated("file")
    for block in range(start, stop, _BLOCK * size):
        yield big_endian(walk.data, block, min(block + _BLOCK * size, stop), size)


def big_endian(data: Bytes, start: int, stop: int, size: int) -> array[int]:
    values = array("Q" if size == 8 else "I", data[start:stop])
    if sys.byteorder == "little":
        values.byteswap()
    return values
