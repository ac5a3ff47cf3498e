"""Sound in formats of its own. Without a decoder this much is told: its frames or chunks are there,
and whole where their sizes can be seen."""

from __future__ import annotations

import re

from media_library.sniffing.facts import Bytes, Facts, Sample, number, parts, truncated, unsupported

# Sizes that a program writes which does not yet know how much it will record.
_STREAMED = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})

# By [version 1 or later][bit rate index], for layer III.
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ID3_HEADER = 10
_ZEROS = re.compile(rb"\0+")
_ADTS_HEADER = 7

_AMR_SIZES = (13, 14, 16, 18, 20, 21, 27, 32, 6, None, None, None, None, None, None, 1)
_AMR_WIDE_SIZES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, None, None, None, None, 1, 1)


def wav(sample: Sample) -> Facts:
    data, has_format, at = sample.data, False, 12
    if data[:4] != b"RIFF":
        raise unsupported("Only WAV files that begin with RIFF are accepted.")
    for _ in parts("audio"):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        recording = name == b"data" and size in _STREAMED
        if at + 8 > len(data) or (at + 8 + size > len(data) and not recording):
            break
        if name == b"data" and has_format:
            return Facts("audio/wav")
        has_format = has_format or name == b"fmt "
        at += 8 + size + size % 2
    raise truncated("audio")


def mp3(sample: Sample) -> Facts:
    data, at = sample.data, 0
    if data[:3] == b"ID3":
        at = _ID3_HEADER + _syncsafe(data)
        padding = _ZEROS.match(data, at)
        at = padding.end() if padding else at
    size = _mp3_frame_size(data, at)
    following = data[at + size : at + size + 3]
    goes_on = not following or following in (b"TAG", b"APE", b"ID3") or not any(following)
    if not size or at + size > len(data) or not (goes_on or _mp3_frame_size(data, at + size)):
        raise truncated("audio")
    return Facts("audio/mpeg")


def _syncsafe(data: Bytes) -> int:
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return size


def _mp3_frame_size(data: Bytes, at: int) -> int:
    """The length of the layer III frame at `at`; 0 when there is none."""
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate == 3 or bitrate in (0, 15):
        return 0
    kilobits = _BITRATES[version != 3][bitrate]
    samples = 144 if version == 3 else 72
    return samples * kilobits * 1000 // _SAMPLE_RATES[version][rate] + (header[2] >> 1 & 1)


def adts(sample: Sample) -> Facts:
    """Bare AAC."""
    data = sample.data
    size = _adts_frame_size(data, 0)
    if not size or size > len(data) or not (size == len(data) or _adts_frame_size(data, size)):
        raise truncated("audio")
    return Facts("audio/aac")


def _adts_frame_size(data: Bytes, at: int) -> int:
    header = data[at : at + _ADTS_HEADER]
    if len(header) < _ADTS_HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > _ADTS_HEADER else 0


def amr(sample: Sample) -> Facts:
    data = sample.data
    for magic, sizes in ((b"#!AMR\n", _AMR_SIZES), (b"#!AMR-WB\n", _AMR_WIDE_SIZES)):
        if data[: len(magic)] == magic:
            size = sizes[number(data, len(magic), 1, "audio") >> 3 & 15]
            if size is None or len(magic) + size > len(data):
                raise truncated("audio")
            return Facts("audio/amr")
    raise unsupported("Only AMR files with one channel are taken.")
