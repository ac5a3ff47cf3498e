"""Office documents, old and new."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from media_library import limits
from media_library.sniffing.facts import Bytes, Facts, Sample, parts, truncated, unsupported

_OOXML = "application/vnd.openxmlformats-officedocument."
# Without macros: those have content types of their own.
_MAIN_PARTS = {
    f"{_OOXML}{name}.main+xml": f"{_OOXML}{name}"
    for name in (
        "wordprocessingml.document",
        "spreadsheetml.sheet",
        "presentationml.presentation",
    )
}
_OVERRIDE = re.compile(rb"<(?:\w+:)?Override\s[^>]*>")
_PART_NAME = re.compile(rb"""\sPartName\s*=\s*["']/([^"']+)["']""")
_CONTENT_TYPE = re.compile(rb"""\sContentType\s*=\s*["']([^"']+)["']""")

_ENTRY_BYTES = 128
_END_OF_CHAIN = 0xFFFFFFFA  # this and above are not sectors
_STREAMS = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}


def office_zip(sample: Sample) -> Facts:
    try:
        with zipfile.ZipFile(_Bounded(sample.file)) as archive:
            with archive.open("[Content_Types].xml") as listing:
                overrides = _OVERRIDE.findall(listing.read(limits.MAX_ZIP_READ))
            names = set(archive.namelist())
    except KeyError:
        raise unsupported("A zip archive is not accepted.") from None
    except Exception as error:  # zipfile raises a dozen kinds for an archive that is not one
        raise truncated("file") from error
    for override in overrides:
        part, content_type = _PART_NAME.search(override), _CONTENT_TYPE.search(override)
        if part and content_type and part[1].decode("utf-8", "replace") in names:
            mime_type = _MAIN_PARTS.get(content_type[1].decode("utf-8", "replace"))
            if mime_type:
                return Facts(mime_type)
    raise unsupported("A zip archive is accepted only as docx, xlsx or pptx without macros.")


class _Bounded:
    """A file of which nobody takes much at once: zipfile would read a directory of any size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > limits.MAX_ZIP_READ:
            raise zipfile.BadZipFile("too large")
        return self._file.read(limits.MAX_ZIP_READ if size < 0 else size)


def office_binary(sample: Sample) -> Facts:
    """A compound file is a small file system; a stream at its top tells whose it is."""
    entries = list(_directory(sample.data))
    if entries:
        for name in _top_names(entries):
            if name in _STREAMS:
                return Facts(_STREAMS[name])
    raise unsupported("This kind of compound file is not accepted; Word, Excel, PowerPoint are.")


class _Entry(NamedTuple):
    name: str
    left: int
    right: int
    child: int


def _directory(data: Bytes) -> Iterator[_Entry]:
    shift = int.from_bytes(data[30:32], "little")
    if shift not in (9, 12):
        raise truncated("document")
    sector, size = _word(data, 48), 1 << shift
    for _ in parts("document"):
        if sector >= _END_OF_CHAIN:
            return
        start = (sector + 1) << shift
        if start + size > len(data):
            raise truncated("document")
        for at in range(start, start + size, _ENTRY_BYTES):
            length = min(int.from_bytes(data[at + 64 : at + 66], "little"), 64)
            name = data[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
            yield _Entry(name, *(_word(data, at + place) for place in (68, 72, 76)))
        sector = _next_sector(data, sector, shift)


def _top_names(entries: list[_Entry]) -> Iterator[str]:
    """The names beside each other under the root, whose tree only orders them."""
    waiting, seen = [entries[0].child], set()
    while waiting:
        place = waiting.pop()
        if place < len(entries) and place not in seen:
            seen.add(place)
            yield entries[place].name
            waiting += [entries[place].left, entries[place].right]


def _next_sector(data: Bytes, sector: int, shift: int) -> int:
    table, place = divmod(sector, 1 << (shift - 2))
    # Those listed in the header reach over the first 7 MB or more, and directories begin early.
    if table >= 109:
        return _END_OF_CHAIN
    return _word(data, ((_word(data, 76 + 4 * table) + 1) << shift) + 4 * place)


def _word(data: Bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little") if at + 4 <= len(data) else _END_OF_CHAIN
