"""HEIC: its metadata are items beside the pictures, blanked where they lie."""

from __future__ import annotations

from collections.abc import Iterator

from inro.common.errors import Refused
from media_library.sniffing import Facts
from media_library.sniffing.boxes import Box, Walk, boxes
from media_library.sniffing.facts import Bytes, parts, truncated
from media_library.stripping import exif
from media_library.stripping.edits import Edit
from media_library.stripping.movies import blanked

_IN_FILE, _IN_IDAT = 0, 1
_LEAST_EXIF = 4 + len(exif.EMPTY)
_KEPT = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip"))


def heic(data: Bytes, facts: Facts) -> Iterator[Edit]:
    """What stands beside the picture is blanked; what comes behind and is no box is cut off."""
    walk, outer = Walk(data), list[Box]()
    try:
        outer.extend(boxes(data, 0, len(data), parts("image")))
    except Refused:
        if not {b"meta", b"mdat"} <= {each.name for each in outer}:
            raise
        yield Edit(outer[-1].stop, len(data))
    for each in outer:
        if each.name == b"meta":
            yield from _items(walk, each)
        elif each.name not in _KEPT:
            yield from blanked(each)


def _items(walk: Walk, meta: Box) -> Iterator[Edit]:
    found = {each.name: each for each in walk.inside(meta, 4)}
    entries, places = found.get(b"iinf"), found.get(b"iloc")
    if entries is None or places is None:
        return
    telling = dict(_telling(walk, entries))
    idat = found.get(b"idat")
    for number, method, start, size in _Places(walk, places):
        kind = telling.get(number)
        if kind is None:
            continue
        if method == _IN_IDAT and idat is not None:
            start += idat.start
        elif method != _IN_FILE:
            raise truncated("image")
        size = size or len(walk.data) - start
        if start + size > len(walk.data):
            raise truncated("image")
        if kind == b"Exif" and size >= _LEAST_EXIF:
            yield Edit(start, start + size, bytes(4) + exif.EMPTY, b"\0")
        else:
            yield Edit(start, start + size, fill=b" " if kind == b"mime" else b"\0")


def _telling(walk: Walk, entries: Box) -> Iterator[tuple[int, bytes]]:
    """Number and kind of the items that are neither pictures nor parts of them."""
    wide = walk.number(entries, 0, 1) > 0
    for each in walk.inside(entries, 8 if wide else 6):
        version = walk.number(each, 0, 1)
        if each.name == b"infe" and version >= 2:
            size = 2 if version == 2 else 4
            kind = walk.data[each.start + 6 + size : each.start + 10 + size]
            if kind in (b"Exif", b"mime", b"uri "):
                yield walk.number(each, 4, size), kind


class _Places:
    """Where items lie: number, method, start and size of each extent."""

    def __init__(self, walk: Walk, box: Box) -> None:
        self._walk, self._box, self._at = walk, box, 4

    def _take(self, size: int) -> int:
        self._at += size
        return self._walk.number(self._box, self._at - size, size) if size else 0

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        version = self._walk.number(self._box, 0, 1)
        sizes, budget = self._take(2), parts("image")
        of_start, of_size, of_base, of_index = (sizes >> at & 15 for at in (12, 8, 4, 0))
        wide = 4 if version == 2 else 2
        for _ in range(self._take(wide)):
            number = self._take(wide)
            method = self._take(2) & 15 if version else _IN_FILE
            self._take(2)
            base = self._take(of_base)
            for _ in range(self._take(2)):
                next(budget)
                self._take(of_index if version else 0)
                start = base + self._take(of_start)
                yield number, method, start, self._take(of_size)
