"""MP3: frames, the first of which may say how many there are."""

from __future__ import annotations

import re

from media_library.sniffing.facts import Bytes, Details, Facts, Sample, lasting, truncated
from media_library.sniffing.frames import Frames

# By [version 1 or later][bit rate index], for layer III.
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ID3_HEADER = 10
_ZEROS = re.compile(rb"\0+")
_MONO = 3
# These also say how much at both ends is not to be heard.
_LAME = re.compile(rb"LAME|Lavc|Lavf")


def mp3(sample: Sample) -> Facts:
    data, at = sample.data, 0
    if data[:3] == b"ID3":
        at = _ID3_HEADER + syncsafe(data)
        padding = _ZEROS.match(data, at)
        at = padding.end() if padding else at
    size = frame_size(data, at)
    following = data[at + size : at + size + 3]
    goes_on = not following or following in (b"TAG", b"APE", b"ID3") or not any(following)
    if not size or at + size > len(data) or not (goes_on or frame_size(data, at + size)):
        raise truncated("audio")
    channels = 1 if data[at + 3] >> 6 == _MONO else 2
    details = Details(audio_codec="mp3", channels=channels)
    return Facts("audio/mpeg", duration=lasting(_seconds(data, at)), details=details)


def syncsafe(data: Bytes, at: int = 6) -> int:
    size = 0
    for byte in data[at : at + 4]:
        size = size << 7 | byte & 0x7F
    return size


def frame_size(data: Bytes, at: int) -> int:
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


def _seconds(data: Bytes, at: int) -> float:
    version = data[at + 1] >> 3 & 3
    rate = _SAMPLE_RATES[version][data[at + 2] >> 2 & 3]
    samples = 1152 if version == 3 else 576
    told = _told_samples(data[at : at + 256], version, samples)
    counted = Frames(data, at, frame_size).count * samples if told is None else told
    return counted / rate


def _told_samples(first: bytes, version: int, samples: int) -> int | None:
    """What the first frame says of all the others, if it is one that does."""
    if first[36:40] == b"VBRI":
        return int.from_bytes(first[50:54], "big") * samples
    mono = first[3] >> 6 == _MONO
    at = 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
    flags = int.from_bytes(first[at + 4 : at + 8], "big")
    if first[at : at + 4] not in (b"Xing", b"Info") or not flags & 1:
        return None
    told = int.from_bytes(first[at + 8 : at + 12], "big") * samples
    at += 8 + 4 + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
    if _LAME.match(first, at):
        packed = int.from_bytes(first[at + 21 : at + 24], "big")
        told -= min((packed >> 12) + (packed & 0xFFF), told)
    return told
