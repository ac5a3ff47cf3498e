"""The pieces that pictures are made of, as they follow each other in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from media_library import limits
from media_library.sniffing.facts import Bytes, number, parts, truncated

# Between two segments nothing may stand but a few fill bytes; a scan ends at the next marker that
# is neither a stuffed 0xFF nor a restart.
_MARKER = re.compile(rb"\xff{1,64}[^\x00\xff]")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
SCAN, JPEG_END = 0xDA, 0xD9
GIF_FRAME, GIF_EXTENSION, GIF_END = 0x2C, 0x21, 0x3B


class Segment(NamedTuple):
    """Of a JPEG: from its marker at `at` to `stop`; of a scan, its header alone."""

    code: int
    at: int
    stop: int


def jpeg_segments(data: Bytes) -> Iterator[Segment]:
    """From behind the first marker to the end marker. Raises Refused when it does not come."""
    at, in_scan = 2, False
    for _ in parts("image"):
        marker = _AFTER_SCAN.search(data, at) if in_scan else _MARKER.match(data, at)
        if marker is None:
            raise truncated("image")
        code = data[marker.end() - 1]
        if code == JPEG_END:
            yield Segment(code, marker.start(), marker.end())
            return
        at = marker.end() + max(number(data, marker.end(), 2, "image"), 2)
        yield Segment(code, marker.start(), at)
        in_scan = in_scan or code == SCAN


class Chunk(NamedTuple):
    """Of PNG or WebP: header, content, and what pads or checks it, from `at` to `stop`."""

    name: bytes
    at: int
    stop: int


def png_chunks(data: Bytes) -> Iterator[Chunk]:
    at = 8
    for _ in parts("image"):
        stop = at + 12 + number(data, at, 4, "image")
        if stop > len(data):
            raise truncated("image")
        chunk = Chunk(data[at + 4 : at + 8], at, stop)
        yield chunk
        if chunk.name == b"IEND":
            return
        at = stop


def webp_chunks(data: Bytes) -> Iterator[Chunk]:
    at, end = 12, webp_end(data)
    for _ in parts("image"):
        if at + 8 > end:
            return
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        stop = at + 8 + size + size % 2
        if at + 8 + size > end:
            raise truncated("image")
        yield Chunk(data[at : at + 4], at, min(stop, end))
        at = stop


def webp_end(data: Bytes) -> int:
    """Where the file ends by its own account. Raises Refused when bytes are missing."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise truncated("image")
    return end


class Block(NamedTuple):
    """Of a GIF: a frame, an extension of the kind `label`, or the end."""

    label: int
    at: int
    stop: int


def gif_blocks(data: Bytes) -> Iterator[Block]:
    """Extensions come as their own labels, frames and the end as what introduces them."""
    budget = parts("image", limits.MAX_GIF_BLOCKS)
    at = 13 + _colour_table(number(data, 10, 1, "image"))
    while (introducer := number(data, at, 1, "image")) != GIF_END:
        begin, label = at, introducer
        if introducer == GIF_EXTENSION:
            label = number(data, at + 1, 1, "image")
            at += 2
        elif introducer == GIF_FRAME:
            at += 11 + _colour_table(number(data, at + 9, 1, "image"))
        else:
            raise truncated("image")
        while size := number(data, at, 1, "image"):
            next(budget)
            at += size + 1
        at += 1
        next(budget)
        yield Block(label, begin, at)
    yield Block(GIF_END, at, at + 1)


def _colour_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
