"""MP3: the tag stays, as it names the music, but for what programs put there for themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from media_library.sniffing import Facts
from media_library.sniffing.facts import Bytes, parts
from media_library.sniffing.mp3 import syncsafe
from media_library.stripping.edits import Edit

_HEADER = 10
_NAME = re.compile(rb"[A-Z][A-Z0-9]{3}")
_PRIVATE = frozenset((b"GEOB", b"PRIV"))
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


def mp3(data: Bytes, facts: Facts) -> Iterator[Edit]:
    """Frames that go are made up for behind the others, where a tag may have zeros."""
    if data[:3] != b"ID3" or data[3] not in (3, 4):
        return
    if data[5] & (_UNSYNCHRONISED | _EXTENDED | _FOOTER):
        return
    at, end, removed = _HEADER, min(_HEADER + syncsafe(data), len(data)), 0
    for _ in parts("audio"):
        if at + _HEADER > end or not _NAME.fullmatch(data[at : at + 4]):
            break
        sized = data[at + 4 : at + 8]
        size = syncsafe(data, at + 4) if data[3] == 4 else int.from_bytes(sized, "big")
        stop = min(at + _HEADER + size, end)
        if data[at : at + 4] in _PRIVATE:
            yield Edit(at, stop)
            removed += stop - at
        at = stop
    if removed:
        yield Edit(at, at, bytes(removed))
