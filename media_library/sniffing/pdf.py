"""How many pages a PDF has: what the root of its page tree counts, wherever that is kept."""

from __future__ import annotations

import re
import zlib

from media_library import limits
from media_library.sniffing.facts import Bytes, Facts, Sample, truncated

_PAGES = re.compile(rb"/Type\s{0,9}/Pages(?![A-Za-z])")
_PAGE = re.compile(rb"/Type\s{0,9}/Page(?![A-Za-z])")
_PARENT = re.compile(rb"/Parent(?![A-Za-z])")
_COUNT = re.compile(rb"/Count\s{1,9}(\d{1,7})(?!\s{1,9}\d{1,9}\s{1,9}R)")
_STREAM = re.compile(rb"/Type\s{0,9}/ObjStm(?![A-Za-z])")
_FIRST = re.compile(rb"/First\s{1,9}(\d{1,9})")
_STREAM_START = re.compile(rb"stream\r?\n")
_STREAMS = 10_000
_MAX_PAGES = 1_000_000


def pdf(sample: Sample) -> Facts:
    data = sample.data
    if data.rfind(b"%%EOF", max(len(data) - limits.PDF_TAIL_BYTES, 0)) < 0:
        raise truncated("PDF")
    pages = _count_pages(data)
    return Facts("application/pdf", details={"pages": pages} if pages else {})


def _count_pages(data: Bytes) -> int | None:
    """None when it cannot be told at a modest price, or because all is encrypted."""
    roots = sorted(_plain_roots(data) + _packed_roots(data))
    if roots:
        return roots[-1][1] if 0 < roots[-1][1] <= _MAX_PAGES else None  # a later one replaces
    found = 0
    for found, _ in enumerate(_PAGE.finditer(data), 1):
        if found > _MAX_PAGES:
            return None
    return found or None


def _plain_roots(data: Bytes) -> list[tuple[int, int]]:
    """Where page trees begin that stand in the open, and what they count."""
    roots, at = [], 0
    while match := _PAGES.search(data, at):
        end = data.find(b"endobj", match.end(), match.end() + limits.PDF_OBJECT_BYTES)
        if end < 0:
            return []
        begin = max(
            data.rfind(b"obj", max(at, match.start() - limits.HEAD_BYTES), match.start()), at
        )
        count = _counted(data[begin:end])
        if count is not None:
            roots.append((match.start(), count))
        at = end
    return roots


def _packed_roots(data: Bytes) -> list[tuple[int, int]]:
    """Those in compressed object streams."""
    roots, at, left = [], 0, limits.PDF_INFLATED_BYTES
    for _ in range(_STREAMS):
        match = _STREAM.search(data, at)
        start = match and _STREAM_START.search(data, match.end(), match.end() + 1024)
        if not match or not start or left <= 0:
            break
        at = start.end()
        content = _inflated(data, at, min(left, limits.PDF_OBJECT_BYTES * 4))
        left -= max(len(content), 1024)
        if _PAGES.search(content):
            begin = max(data.rfind(b"obj", 0, match.start()), match.start() - 1024, 0)
            first = _FIRST.search(data, begin, start.start())
            for each in _objects(content, int(first[1]) if first else 0):
                count = _counted(each) if _PAGES.search(each) else None
                if count is not None:
                    roots.append((match.start(), count))
    return roots


def _inflated(data: Bytes, at: int, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data[at : at + limits.PDF_OBJECT_BYTES], most)
    except zlib.error:
        return b""


def _objects(content: bytes, first: int) -> list[bytes]:
    """The objects of a stream: pairs of number and place come before the first of them."""
    words = content[:first].split()
    places = [int(each) for each in words[1::2] if each.isdigit() and len(each) < 9]
    ends = [*places[1:], len(content)]
    return [content[first + at : first + end] for at, end in zip(places, ends, strict=True)]


def _counted(content: bytes) -> int | None:
    """The pages below a root; None for a part of the tree."""
    count = None if _PARENT.search(content) else _COUNT.search(content)
    return int(count[1]) if count else None
