"""Containers of sound and pictures: ISO media (MP4, M4A, MOV, 3GP, HEIC), Ogg, WebM."""

from __future__ import annotations

from collections.abc import Iterator

from media_library import limits
from media_library.sniffing import images
from media_library.sniffing.facts import Bytes, Facts, Sample, number, parts, truncated, unsupported

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_PICTURE_BRANDS = {b"mif1", b"msf1"}
# Files of these call themselves compatible with MP4, too.
_FOREIGN_BRANDS = {b"avif", b"avis", b"crx ", b"3g2a", b"3g2b", b"3g2c", b"hevc", b"hevx"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"F4A "}
_MP4_BRANDS = {b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"f4v "}
_BRANDS_END = 16 + 4 * 64
_TO_HANDLER = (b"moov", b"trak", b"mdia", b"hdlr")

_OGG_HEADER = 27
_OGG_PAGE_MAX = _OGG_HEADER + 255 + 255 * 255
_OGG_VIDEO_CODECS = (b"\x80theora", b"BBCD")
_WEBM_VIDEO_CODECS = (b"V_VP8", b"V_VP9", b"V_AV1")
_WEBM_AUDIO_CODECS = (b"A_OPUS", b"A_VORBIS")


def iso_media(sample: Sample) -> Facts:
    data = sample.data
    size = number(data, 0, 4, "file")
    major, others = data[8:12], data[16 : min(size, _BRANDS_END)]
    brands = {major, *(others[at : at + 4] for at in range(0, len(others), 4))}
    if major in _HEIC_BRANDS or (major in _PICTURE_BRANDS and brands & _HEIC_BRANDS):
        return images.heic(sample)
    if major == b"qt  ":
        return quicktime(sample)
    if major[:3] == b"3gp":
        return _moving(data, "3gpp")
    is_mp4 = any(each in _MP4_BRANDS | _AUDIO_BRANDS or each[:3] == b"iso" for each in brands)
    if is_mp4 and major not in _PICTURE_BRANDS | _FOREIGN_BRANDS:
        return _moving(data, "mp4", sounds=bool(brands & _AUDIO_BRANDS))
    raise unsupported("Of the files in this container, MP4, M4A, MOV, 3GP and HEIC are accepted.")


def quicktime(sample: Sample) -> Facts:
    _tracks(sample.data)
    return Facts("video/quicktime")


def _moving(data: Bytes, container: str, sounds: bool = False) -> Facts:
    """By its tracks the file is sound or video; without any, by what its brand says."""
    tracks = _tracks(data)
    if tracks:
        sounds = b"vide" not in tracks
    return Facts(f"{'audio' if sounds else 'video'}/{container}")


def _tracks(data: Bytes) -> set[bytes]:
    """What the tracks are of, as far as a library would play it; every box has to be whole."""
    names = {name for name, _, _ in _boxes(data, 0, len(data), parts("file"))}
    handlers = set(_handlers(data, 0, len(data), _TO_HANDLER, parts("file")))
    if handlers and b"mdat" not in names:
        raise truncated("file")
    return handlers & {b"vide", b"soun"}


def _boxes(
    data: Bytes, at: int, end: int, budget: Iterator[int]
) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: name, and where the content begins and ends."""
    while at < end and (at == 0 or data[at : at + 8] != bytes(8)):  # zeros are padding
        next(budget)
        size, name, start = number(data, at, 4, "file"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = number(data, start, 8, "file"), at + 16
        stop = end if size == 0 else at + size
        if stop < start or stop > end:
            raise truncated("file")
        yield name, start, stop
        at = stop


def _handlers(
    data: Bytes, at: int, end: int, path: tuple[bytes, ...], budget: Iterator[int]
) -> Iterator[bytes]:
    """What each track is of: `vide`, `soun` and others."""
    for name, start, stop in _boxes(data, at, end, budget):
        if name == path[0] == b"hdlr":
            yield data[start + 8 : start + 12]
        elif name == path[0]:
            yield from _handlers(data, start, stop, path[1:], budget)


def ogg(sample: Sample) -> Facts:
    data = sample.data
    first_end = _ogg_page_end(data, 0)
    last = data.rfind(b"OggS", max(len(data) - _OGG_PAGE_MAX, 0))
    if first_end > len(data) or last < 0 or _ogg_page_end(data, last) != len(data):
        raise truncated("file")
    head = data[: limits.MARKUP_BYTES]
    video = any(codec in head for codec in _OGG_VIDEO_CODECS)
    return Facts("video/ogg" if video else "audio/ogg")


def _ogg_page_end(data: Bytes, at: int) -> int:
    segments = number(data, at + _OGG_HEADER - 1, 1, "file")
    table = data[at + _OGG_HEADER : at + _OGG_HEADER + segments]
    return at + _OGG_HEADER + segments + sum(table)


def webm(sample: Sample) -> Facts:
    data = sample.data
    header_size, at = _ebml_size(data, 4)
    if b"webm" not in data[at : at + min(header_size, limits.MARKUP_BYTES)]:
        raise unsupported("Matroska is accepted as WebM only.")
    at += header_size
    if data[at : at + 4] != b"\x18\x53\x80\x67":
        raise truncated("file")
    size, start = _ebml_size(data, at + 4)
    if start + size > len(data):
        raise truncated("file")
    head = data[: limits.HEAD_BYTES]
    sound = any(codec in head for codec in _WEBM_AUDIO_CODECS)
    video = any(codec in head for codec in _WEBM_VIDEO_CODECS)
    return Facts("audio/webm" if sound and not video else "video/webm")


def _ebml_size(data: Bytes, at: int) -> tuple[int, int]:
    """The size that stands at `at` (0 when it is unknown, as in a recording), and what follows."""
    first = number(data, at, 1, "file")
    if not first:
        raise truncated("file")
    length = 9 - first.bit_length()
    size = number(data, at, length, "file") & ((1 << 7 * length) - 1)
    return (0 if size == (1 << 7 * length) - 1 else size), at + length
