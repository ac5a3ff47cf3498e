"""WebM: elements in elements, of which those that hold the file's facts are read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from media_library import limits
from media_library.sniffing.facts import (
    Bytes,
    Details,
    Facts,
    Sample,
    check_pixels,
    lasting,
    number,
    parts,
    truncated,
    unsupported,
)

_EBML, _DOCTYPE = b"\x1a\x45\xdf\xa3", b"\x42\x82"
_SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    b"\x18\x53\x80\x67",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
    b"\x1f\x43\xb6\x75",
)
_SCALE, _DURATION = b"\x2a\xd7\xb1", b"\x44\x89"
_ENTRY, _CODEC, _FRAME_TIME, _VIDEO, _AUDIO = b"\xae", b"\x86", b"\x23\xe3\x83", b"\xe0", b"\xe1"
_WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT, _CHANNELS = (
    b"\xb0",
    b"\xba",
    b"\x54\xb0",
    b"\x54\xba",
    b"\x54\xb2",
    b"\x9f",
)
_TIME, _SIMPLE, _GROUP, _BLOCK, _BLOCK_TIME = b"\xe7", b"\xa3", b"\xa0", b"\xa1", b"\x9b"
_VIDEO_CODECS = {b"V_VP8": "vp8", b"V_VP9": "vp9", b"V_AV1": "av1"}
_AUDIO_CODECS = {b"A_OPUS": "opus", b"A_VORBIS": "vorbis"}
_MILLISECOND = 1_000_000


class Element(NamedTuple):
    """`stop` is None when the size is unknown, as in a recording."""

    name: bytes
    start: int
    stop: int | None


class _Track(NamedTuple):
    codec: str
    is_video: bool
    size: tuple[int, int]
    channels: int
    frame_time: float


def webm(sample: Sample) -> Facts:
    data = sample.data
    header = _element(data, 0)
    doctype = data[header.start : min(header.stop or 0, header.start + limits.MARKUP_BYTES)]
    if _DOCTYPE not in doctype or b"webm" not in doctype:
        raise unsupported("Matroska is accepted as WebM only.")
    if header.stop is None or data[header.stop : header.stop + 4] != _SEGMENT:
        raise truncated("file")
    segment = _element(data, header.stop)
    end = len(data) if segment.stop is None else segment.stop
    info, entries, cluster = _heads(data, segment.start, end)
    tracks = [each for entry in entries if (each := _track(data, entry))]
    if not tracks:
        raise unsupported("Of WebM, VP8, VP9 and AV1 with Opus or Vorbis are accepted.")
    scale = _uint(data, info.get(_SCALE)) or _MILLISECOND
    ticks = _float(data, info.get(_DURATION))
    if cluster is not None:
        # Walked in any case: the last one has to be whole, and what follows it.
        last = max(data.rfind(_CLUSTER, cluster, end), cluster)
        longest = max(each.frame_time for each in tracks) / scale
        end_of_blocks = _cluster_end(data, last, end, longest)
        ticks = ticks or end_of_blocks
        for _ in _elements(data, last, end):
            pass
    return _facts(tracks, ticks * scale / 1_000_000_000)


def _facts(tracks: list[_Track], seconds: float) -> Facts:
    video = next((each for each in tracks if each.is_video), None)
    audio = next((each for each in tracks if not each.is_video), None)
    details, width, height = Details(), None, None
    if video:
        details["video_codec"] = video.codec
        width, height = video.size if all(video.size) else (None, None)
    if audio:
        details["audio_codec"] = audio.codec
        details["channels"] = audio.channels or 1
    kind = "video" if video else "audio"
    return Facts(f"{kind}/webm", width, height, lasting(seconds), details)


def _heads(
    data: Bytes, at: int, end: int
) -> tuple[dict[bytes, Element], list[Element], int | None]:
    """The fields of the segment's info, its tracks, and where its first cluster stands."""
    info: dict[bytes, Element] = {}
    entries: list[Element] = []
    for place, each in _elements(data, at, end):
        if each.name == _CLUSTER:
            return info, entries, place
        if each.stop is None:
            raise truncated("file")
        if each.name == _INFO:
            info = {one.name: one for _, one in _elements(data, each.start, each.stop)}
        elif each.name == _TRACKS:
            entries = [
                one for _, one in _elements(data, each.start, each.stop) if one.name == _ENTRY
            ]
    return info, entries, None


def _track(data: Bytes, entry: Element) -> _Track | None:
    found = _fields(data, entry)
    codec = found.get(_CODEC)
    name = data[codec.start : codec.stop].rstrip(b"\0") if codec else b""
    known = _VIDEO_CODECS.get(name) or _AUDIO_CODECS.get(name)
    if known is None:
        return None
    picture = _fields(data, found.get(_VIDEO))
    size = _uint(data, picture.get(_WIDTH)), _uint(data, picture.get(_HEIGHT))
    shown = _uint(data, picture.get(_SHOWN_WIDTH)), _uint(data, picture.get(_SHOWN_HEIGHT))
    check_pixels(max(size[0] * size[1], shown[0] * shown[1]), "video")
    if all(shown) and not _uint(data, picture.get(_UNIT)):
        size = shown
    channels = _uint(data, _fields(data, found.get(_AUDIO)).get(_CHANNELS))
    frame_time = _uint(data, found.get(_FRAME_TIME))
    return _Track(known, name in _VIDEO_CODECS, size, channels, frame_time)


def _cluster_end(data: Bytes, at: int, end: int, frame_time: float) -> float:
    """When the last block of the cluster ends, in ticks."""
    cluster = _element(data, at)
    start, latest = 0, 0.0
    for _, each in _elements(data, cluster.start, cluster.stop or end):
        if each.name == _TIME:
            start = _uint(data, each)
        elif each.name == _SIMPLE:
            latest = max(latest, _block_time(data, each.start) + frame_time)
        elif each.name == _GROUP:
            group = _fields(data, each)
            if block := group.get(_BLOCK):
                lasts = _uint(data, group.get(_BLOCK_TIME)) or frame_time
                latest = max(latest, _block_time(data, block.start) + lasts)
    return start + latest


def _block_time(data: Bytes, at: int) -> int:
    """Relative to its cluster; it stands behind the number of its track."""
    first = number(data, at, 1, "file")
    at += 9 - first.bit_length() if first else 1
    ticks = number(data, at, 2, "file")
    return ticks - (1 << 16) if ticks >> 15 else ticks


def _fields(data: Bytes, element: Element | None) -> dict[bytes, Element]:
    if element is None or element.stop is None:
        return {}
    return {each.name: each for _, each in _elements(data, element.start, element.stop)}


def _elements(data: Bytes, at: int, end: int) -> Iterator[tuple[int, Element]]:
    """The elements between two places, each with its own. Raises Refused when one is not whole."""
    for _ in parts("file"):
        if at >= end:
            return
        found = _element(data, at)
        if found.stop is not None and found.stop > end:
            raise truncated("file")
        yield at, found
        at = end if found.stop is None else found.stop


def _element(data: Bytes, at: int) -> Element:
    first = number(data, at, 1, "file")
    width = 9 - first.bit_length() if first else 9
    if width > 4:
        raise truncated("file")
    name, at = data[at : at + width], at + width
    first = number(data, at, 1, "file")
    if not first:
        raise truncated("file")
    width = 9 - first.bit_length()
    size, start = number(data, at, width, "file") & ((1 << 7 * width) - 1), at + width
    if size == (1 << 7 * width) - 1:
        return Element(name, start, None)
    if start + size > len(data):
        raise truncated("file")
    return Element(name, start, start + size)


def _uint(data: Bytes, element: Element | None) -> int:
    if element is None or element.stop is None or element.stop - element.start > 8:
        return 0
    return int.from_bytes(data[element.start : element.stop], "big")


def _float(data: Bytes, element: Element | None) -> float:
    content = data[element.start : element.stop] if element and element.stop else b""
    if len(content) in (4, 8):
        return float(struct.unpack(">f" if len(content) == 4 else ">d", content)[0])
    return 0
