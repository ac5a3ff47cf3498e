"""How long ISO media in fragments lasts: each says when it begins and how long its samples take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from media_library.sniffing.boxes import Box, Walk
from media_library.sniffing.facts import truncated
from media_library.sniffing.tables import big_endian

_BASE, _DESCRIPTION, _DURATION = 0x1, 0x2, 0x8
_RUN_OFFSET, _RUN_FLAGS, _RUN_DURATION = 0x1, 0x4, 0x100
_RUN_FIELDS = (0x100, 0x200, 0x400, 0x800)


def fragments_end(
    walk: Walk, head: Box, fragments: Iterable[Box], scales: Mapping[int, int]
) -> float:
    """Seconds from the start to the end of the last one. `scales` are ticks a second by track."""
    usual = {
        walk.number(each, 4, 4): walk.number(each, 12, 4)
        for each in walk.all(head, b"mvex", b"trex")
    }
    ends: dict[int, int] = {}
    for fragment in fragments:
        for each in walk.all(fragment, b"traf"):
            found = list(walk.inside(each))
            header = next((one for one in found if one.name == b"tfhd"), None)
            if header:
                track = walk.number(header, 4, 4)
                begin = _begin(walk, found)
                ticks = _ticks(walk, found, _default(walk, header, usual.get(track, 0)))
                ends[track] = (ends.get(track, 0) if begin is None else begin) + ticks
    return max((end / scales[track] for track, end in ends.items() if scales.get(track)), default=0)


def _begin(walk: Walk, found: list[Box]) -> int | None:
    for each in found:
        if each.name == b"tfdt":
            return walk.number(each, 4, 8 if walk.number(each, 0, 1) == 1 else 4)
    return None


def _default(walk: Walk, header: Box, usual: int) -> int:
    flags = walk.number(header, 1, 3)
    if not flags & _DURATION:
        return usual
    return walk.number(header, 8 + 8 * bool(flags & _BASE) + 4 * bool(flags & _DESCRIPTION), 4)


def _ticks(walk: Walk, found: list[Box], default: int) -> int:
    ticks = 0
    for run in found:
        if run.name == b"trun":
            flags, count = walk.number(run, 1, 3), walk.number(run, 4, 4)
            fields = sum(bool(flags & each) for each in _RUN_FIELDS)
            start = run.start + 8 + 4 * bool(flags & _RUN_OFFSET) + 4 * bool(flags & _RUN_FLAGS)
            stop = start + 4 * fields * count
            if stop > run.stop:
                raise truncated("file")
            if flags & _RUN_DURATION:
                ticks += sum(big_endian(walk.data, start, stop, 4)[::fields])
            else:
                ticks += default * count
    return ticks
