"""JPEG, PNG, WebP and GIF without what was written beside their pixels.

What comes behind a picture's end goes too: it may be anything, another picture with a place of its
own, or a film.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from media_library.sniffing import Facts
from media_library.sniffing.facts import Bytes
from media_library.sniffing.pieces import (
    GIF_END,
    JPEG_END,
    Segment,
    gif_blocks,
    jpeg_segments,
    png_chunks,
    webp_chunks,
    webp_end,
)
from media_library.stripping import exif
from media_library.stripping.edits import Edit

_COMMENT = 0xFE
_APPLICATIONS = range(0xE0, 0xF0)
# Which form the pixels are in, and what their colours mean.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_EXIF = b"Exif\0\0"

_PNG_KEPT = frozenset(
    b"tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)
_SMALL_LETTER = 0x20
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04
_FLAGS_AT = 20  # of VP8X, which comes first

_GIF_COMMENT, _GIF_APPLICATION = 0xFE, 0xFF
_GIF_XMP = b"\x0bXMP DataXMP"


def jpeg(data: Bytes, facts: Facts) -> Iterator[Edit]:
    left = exif.kept(facts)
    if left:
        left = b"\xff\xe1" + struct.pack(">H", len(left) + 8) + _EXIF + left
    for each in jpeg_segments(data):
        if each.code == JPEG_END:
            yield Edit(each.stop, len(data))
        elif _tells_more(data, each):
            yield Edit(each.at, each.stop, left)
            left = b""


def _tells_more(data: Bytes, segment: Segment) -> bool:
    if segment.code == _COMMENT:
        return True
    if segment.code not in _APPLICATIONS:
        return False
    kept = _JPEG_KEPT.get(segment.code)
    start = data.find(b"\xff" + bytes((segment.code,)), segment.at, segment.stop) + 4
    return kept is None or data[start : start + len(kept)] != kept


def png(data: Bytes, facts: Facts) -> Iterator[Edit]:
    left = exif.kept(facts)
    if left:
        head = b"eXIf" + left
        left = struct.pack(">I", len(left)) + head + struct.pack(">I", zlib.crc32(head))
    for each in png_chunks(data):
        if each.name == b"IEND":
            yield Edit(each.stop, len(data))
        elif each.name[0] & _SMALL_LETTER and each.name not in _PNG_KEPT:
            yield Edit(each.at, each.stop, left)
            left = b""


def webp(data: Bytes, facts: Facts) -> Iterator[Edit]:
    end, left = webp_end(data), exif.kept(facts)
    if left:
        left = b"EXIF" + struct.pack("<I", len(left)) + left
    dropped = [each for each in webp_chunks(data) if each.name not in _WEBP_KEPT]
    yield Edit(end, len(data))
    if not dropped:
        return
    edits = [Edit(each.at, each.stop, left * (each is dropped[0])) for each in dropped]
    size = end - 8 + sum(len(each.instead) - (each.stop - each.start) for each in edits)
    yield Edit(4, 8, struct.pack("<I", size))
    if data[12:16] == b"VP8X":
        flags = data[_FLAGS_AT] & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if left else 0)
        yield Edit(_FLAGS_AT, _FLAGS_AT + 1, bytes((flags,)))
    yield from edits


def gif(data: Bytes, facts: Facts) -> Iterator[Edit]:
    for each in gif_blocks(data):
        if each.label == GIF_END:
            yield Edit(each.stop, len(data))
        elif each.label == _GIF_COMMENT or (
            each.label == _GIF_APPLICATION and data[each.at + 2 : each.at + 14] == _GIF_XMP
        ):
            yield Edit(each.at, each.stop)
