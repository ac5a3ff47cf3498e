"""MP4, MOV and 3GP: where a film was made is blanked, so that nothing in the file moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inro.common.errors import Refused
from media_library.sniffing import Facts
from media_library.sniffing.boxes import Box, Walk, top
from media_library.sniffing.facts import Bytes
from media_library.stripping.edits import Edit

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TELLING = frozenset((b"\xa9xyz", b"loci", b"XMP_"))
_LOCATION = b"location"
_FULL_BOX = 4


def movie(data: Bytes, facts: Facts) -> Iterator[Edit]:
    walk = Walk(data)
    for outer in top(data):
        if outer.name == b"moov":
            yield from _inside(walk, outer)
        elif outer.name in (b"uuid", b"meta"):
            yield from _beside(walk, outer)


def _inside(walk: Walk, box: Box) -> Iterator[Edit]:
    """Of a movie or one of its tracks."""
    for each in walk.inside(box):
        if each.name == b"trak" and box.name == b"moov":
            yield from _inside(walk, each)
        elif each.name == b"udta":
            yield from _whole_or_blanked(walk, each, _user_data)
        else:
            yield from _beside(walk, each)


def _user_data(walk: Walk, box: Box) -> Iterator[Edit]:
    for each in walk.inside(box):
        yield from _beside(walk, each)


def _beside(walk: Walk, box: Box) -> Iterator[Edit]:
    is_xmp = box.name == b"uuid" and walk.data[box.start : box.start + 16] == XMP_UUID
    if is_xmp or box.name in _TELLING:
        yield from blanked(box)
    elif box.name == b"meta":
        yield from _whole_or_blanked(walk, box, _listed)


def _listed(walk: Walk, meta: Box) -> Iterator[Edit]:
    """Of a list of values by key: by name, or by the number of a name that stands beside it."""
    # QuickTime's has no version before its boxes, that of MPEG-4 has.
    plain = walk.data[meta.start + 4 : meta.start + 8] == b"hdlr"
    found = {each.name: each for each in walk.inside(meta, 0 if plain else _FULL_BOX)}
    keys, values = found.get(b"keys"), found.get(b"ilst")
    if values is None:
        return
    telling = set(_TELLING)
    if keys is not None:
        for number, key in enumerate(walk.inside(keys, 8), 1):
            if _LOCATION in walk.data[key.start : min(key.stop, key.start + 256)].lower():
                telling.add(number.to_bytes(4, "big"))
    for each in walk.inside(values):
        if each.name in telling:
            yield from blanked(each)


def _whole_or_blanked(
    walk: Walk, box: Box, stripper: Callable[[Walk, Box], Iterator[Edit]]
) -> Iterator[Edit]:
    """What cannot be read tells nothing, or more than is seen: no player needs it."""
    try:
        yield from list(stripper(walk, box))
    except Refused:
        yield from blanked(box)


def blanked(box: Box) -> Iterator[Edit]:
    yield Edit(box.at + 4, box.at + 8, b"free")
    yield Edit(box.start, box.stop, fill=b"\0")
