"""Ogg: pages of streams; the last page of a stream says how far it goes."""

from __future__ import annotations

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
    truncated,
)

_HEADER = 27
_PAGE_MAX = _HEADER + 255 + 255 * 255
_LAST, _FIRST = 4, 2
_NOWHERE = -1  # the position of a page on which no packet ends
_PAGES_BACK = 200
_OPUS_RATE = 48_000
_VIDEO_CODECS = frozenset(("theora", "dirac"))


class _Stream(NamedTuple):
    """`rate` is positions a second; `shift` splits the position of a video's frame."""

    serial: bytes
    codec: str
    channels: int = 0
    rate: float = 0
    skip: int = 0
    size: tuple[int, int] | None = None
    shift: int = 0

    def seconds(self, position: int) -> float:
        if self.shift:
            position = (position >> self.shift) + (position & (1 << self.shift) - 1)
        return (position - self.skip) / self.rate if self.rate else 0


def ogg(sample: Sample) -> Facts:
    data = sample.data
    last = data.rfind(b"OggS", max(len(data) - _PAGE_MAX, 0))
    if _page_end(data, 0) > len(data) or last < 0 or _page_end(data, last) != len(data):
        raise truncated("file")
    if _is_unfinished(data, last):
        raise truncated("file")
    streams = list(_streams(data))
    video = next((each for each in streams if each.codec in _VIDEO_CODECS), None)
    audio = next((each for each in streams if each.channels), None)
    details, width, height = Details(), None, None
    if video:
        details["video_codec"] = video.codec
        width, height = video.size or (None, None)
    if audio:
        details["audio_codec"], details["channels"] = audio.codec, audio.channels
    duration = lasting(max(_ends(data, last, [each for each in (video, audio) if each])))
    return Facts(f"{'video' if video else 'audio'}/ogg", width, height, duration, details)


def _is_unfinished(data: Bytes, page: int) -> bool:
    """Whether the last page announces another: its last packet goes on."""
    segments = number(data, page + _HEADER - 1, 1, "file")
    goes_on = segments > 0 and data[page + _HEADER + segments - 1] == 255
    return goes_on and not data[page + 5] & _LAST


def _streams(data: Bytes) -> Iterator[_Stream]:
    """Every stream begins before the second page of any."""
    at = 0
    while at < limits.HEAD_BYTES and data[at : at + 4] == b"OggS" and data[at + 5] & _FIRST:
        body = at + _HEADER + number(data, at + _HEADER - 1, 1, "file")
        if stream := _stream(data[at + 14 : at + 18], data[body : body + 64]):
            yield stream
        at = _page_end(data, at)


def _stream(serial: bytes, head: bytes) -> _Stream | None:
    if head[:8] == b"OpusHead":
        skip = int.from_bytes(head[10:12], "little")
        return _Stream(serial, "opus", max(head[9], 1), _OPUS_RATE, skip)
    if head[:7] == b"\x01vorbis":
        rate = int.from_bytes(head[12:16], "little")
        return _Stream(serial, "vorbis", max(head[11], 1), rate)
    if head[:8] == b"Speex   ":
        rate, channels = (int.from_bytes(head[at : at + 4], "little") for at in (36, 48))
        return _Stream(serial, "speex", max(channels, 1), rate)
    if head[:5] == b"\x7fFLAC":
        packed = int.from_bytes(head[27:31], "big")  # rate and channels of the first block
        return _Stream(serial, "flac", (packed >> 9 & 7) + 1, packed >> 12)
    if head[:7] == b"\x80theora":
        return _theora(serial, head.ljust(42, b"\0"))
    return _Stream(serial, "dirac") if head[:4] == b"BBCD" else None


def _theora(serial: bytes, head: bytes) -> _Stream:
    width, height = (int.from_bytes(head[at : at + 3], "big") for at in (14, 17))
    check_pixels(width * height, "video")
    frames, seconds = (int.from_bytes(head[at : at + 4], "big") for at in (22, 26))
    shift = int.from_bytes(head[40:42], "big") >> 5 & 31
    size = (width, height) if width and height else None
    rate = frames / seconds if seconds else 0
    return _Stream(serial, "theora", rate=rate, size=size, shift=shift)


def _ends(data: Bytes, last: int, streams: list[_Stream]) -> Iterator[float]:
    """How many seconds each of `streams` has, by the last of its pages that says so."""
    yield 0
    wanted = {each.serial: each for each in streams}
    for _ in range(_PAGES_BACK):
        position = int.from_bytes(data[last + 6 : last + 14], "little", signed=True)
        serial = data[last + 14 : last + 18]
        if position != _NOWHERE and serial in wanted:
            yield wanted.pop(serial).seconds(position)
        if not wanted or last <= 0:
            return
        last = data.rfind(b"OggS", max(last - _PAGE_MAX, 0), last)
        if last < 0:
            return


def _page_end(data: Bytes, at: int) -> int:
    segments = number(data, at + _HEADER - 1, 1, "file")
    table = data[at + _HEADER : at + _HEADER + segments]
    return at + _HEADER + segments + sum(table)
