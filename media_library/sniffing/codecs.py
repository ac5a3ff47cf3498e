"""How the tracks of ISO media are coded, in ffmpeg's words."""

from __future__ import annotations

from typing import NamedTuple

from media_library import limits
from media_library.sniffing.boxes import Box, Walk
from media_library.sniffing.facts import Bytes

_VIDEO = {
    **dict.fromkeys((b"avc1", b"avc2", b"avc3", b"avc4"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), "hevc"),
    **dict.fromkeys((b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x"), "prores"),
    **dict.fromkeys((b"jpeg", b"mjpa"), "mjpeg"),
    **dict.fromkeys((b"s263", b"h263"), "h263"),
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"av01": "av1",
}
_AUDIO = {
    b"samr": "amr_nb",
    b"sawb": "amr_wb",
    b"Opus": "opus",
    b"alac": "alac",
    b"fLaC": "flac",
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b".mp3": "mp3",
    b"sowt": "pcm_s16le",
    b"twos": "pcm_s16be",
    b"in24": "pcm_s24be",
    b"in32": "pcm_s32be",
    b"fl32": "pcm_f32be",
    b"ulaw": "pcm_mulaw",
    b"alaw": "pcm_alaw",
}
# By the object type of MPEG-4, which says more than the name of the entry.
_MPEG4 = {
    0x20: "mpeg4",
    **dict.fromkeys(range(0x60, 0x66), "mpeg2video"),
    0x6A: "mpeg1video",
    0x6C: "mjpeg",
    **dict.fromkeys((0x40, 0x66, 0x67, 0x68), "aac"),
    **dict.fromkeys((0x69, 0x6B), "mp3"),
}
# Of H.264, by profile_idc; the first has a stricter sister.
_BASELINE = 66
_PROFILES = {
    _BASELINE: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4 Predictive",
    44: "CAVLC 4:4:4",
}
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)  # of AAC, by its configuration
_PCM_FLOAT, _PCM_BIG = 1, 2
_PICTURE_FIELDS = 78  # bytes, before the boxes of a picture's entry


class Codec(NamedTuple):
    name: str = ""
    channels: int = 0
    width: int = 0
    height: int = 0
    profile: str = ""


def codec_of(walk: Walk, entries: Box, kind: bytes) -> Codec:
    """Of the first entry of a track's `stsd`."""
    entry = next(walk.inside(entries, 8), None)
    if entry is None:
        return Codec()
    content = walk.data[entry.start : min(entry.stop, entry.start + limits.MARKUP_BYTES)]
    if kind == b"vide" and len(content) >= 28:
        name = _VIDEO.get(entry.name) or _described(content)[0]
        profile = _profile(content) if name == "h264" else ""
        return Codec(name, 0, _short(content, 24), _short(content, 26), profile)
    if kind == b"soun" and len(content) >= 28:
        return _sound(entry.name, content)
    return Codec()


def _profile(content: bytes) -> str:
    """What the decoder's configuration (ISO/IEC 14496-15) says of the pictures' profile."""
    at = content.find(b"avcC", _PICTURE_FIELDS) + 4
    if at < _PICTURE_FIELDS or at + 3 > len(content):
        return ""
    number, constraints = content[at + 1], content[at + 2]
    if number == _BASELINE and constraints & 0x40:
        return "Constrained Baseline"
    return _PROFILES.get(number, "")


def _sound(name: bytes, content: bytes) -> Codec:
    channels = _short(content, 16)
    if _short(content, 8) == 2 and len(content) >= 56:  # QuickTime's second version
        channels = int.from_bytes(content[40:44], "big")
        if name == b"lpcm":
            return Codec(_pcm(content), channels)
    if name in (b"samr", b"sawb"):
        return Codec(_AUDIO[name], 1)
    if name == b"mp4a":
        coded, configured = _described(content)
        return Codec(coded, configured or channels)
    return Codec(_AUDIO.get(name, ""), channels)


def _pcm(content: bytes) -> str:
    bits, flags = (int.from_bytes(content[at : at + 4], "big") for at in (48, 52))
    sign = "f" if flags & _PCM_FLOAT else "s"
    return f"pcm_{sign}{bits}{'be' if flags & _PCM_BIG else 'le'}"


def _described(content: Bytes) -> tuple[str, int]:
    """What an elementary stream descriptor in `content` says: codec and channels, as far as told.

    The entry says two channels of any sound.
    """
    at = content.find(b"esds")
    if at < 0:
        return "", 0
    at = _into(content, at + 8, 0x03)
    flags = content[at + 2] if at + 2 < len(content) else 0
    at = _into(content, at + 3 + 2 * bool(flags & 0x80) + 2 * bool(flags & 0x20), 0x04)
    if not 0 < at < len(content):
        return "", 0
    name = _MPEG4.get(content[at], "")
    at = _into(content, at + 13, 0x05)
    return name, _aac_channels(content[at : at + 8]) if name == "aac" and at else 0


def _into(content: Bytes, at: int, tag: int) -> int:
    """Where the content of the descriptor at `at` begins; behind everything when it is not one."""
    if content[at : at + 1] != bytes((tag,)):
        return len(content)
    at += 1
    while at < len(content) and content[at] & 0x80:
        at += 1
    return at + 1


def _aac_channels(configuration: bytes) -> int:
    bits = int.from_bytes(configuration.ljust(8, b"\0"), "big")
    at = 5 + (6 if bits >> 59 == 31 else 0)
    rate = bits >> (60 - at) & 15
    at += 28 if rate == 15 else 4
    index = bits >> (60 - at) & 15
    return _CHANNELS[index] if index < len(_CHANNELS) else 0


def _short(content: Bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 2], "big")
