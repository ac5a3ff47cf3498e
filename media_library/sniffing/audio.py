"""Sound in formats of its own. Without a decoder this much is told: its frames or chunks are there,
and whole where their sizes can be seen."""

from __future__ import annotations

from functools import partial

from media_library.sniffing.facts import (
    Bytes,
    Details,
    Facts,
    Sample,
    lasting,
    number,
    parts,
    truncated,
    unsupported,
)
from media_library.sniffing.frames import Frames

# Sizes that a program writes which does not yet know how much it will record.
_STREAMED = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})
_PCM = {8: "pcm_u8", 16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le"}
_FLOAT = {32: "pcm_f32le", 64: "pcm_f64le"}
_WAV_CODECS = {
    0x02: "adpcm_ms",
    0x06: "pcm_alaw",
    0x07: "pcm_mulaw",
    0x11: "adpcm_ima_wav",
    0x31: "gsm_ms",
    0x55: "mp3",
}
_EXTENSIBLE = 0xFFFE

_ADTS_HEADER = 7
_ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
    7350,
)
_ADTS_SAMPLES = 1024

_AMR_SIZES = (13, 14, 16, 18, 20, 21, 27, 32, 6, None, None, None, None, None, None, 1)
_AMR_WIDE_SIZES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, None, None, None, None, 1, 1)
_AMR_SECONDS = 0.02


def wav(sample: Sample) -> Facts:
    data, form, at = sample.data, b"", 12
    if data[:4] != b"RIFF":
        raise unsupported("Only WAV files that begin with RIFF are accepted.")
    for _ in parts("audio"):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        recording = name == b"data" and size in _STREAMED
        if at + 8 > len(data) or (at + 8 + size > len(data) and not recording):
            break
        if name == b"data" and form:
            return _wave(form, len(data) - at - 8 if recording else size)
        if name == b"fmt ":
            form = data[at + 8 : at + 8 + min(size, 40)] or b"\0"
        at += 8 + size + size % 2
    raise truncated("audio")


def _wave(form: bytes, size: int) -> Facts:
    words = [int.from_bytes(form[at : at + 2], "little") for at in (0, 2, 12, 14, 24)]
    code, channels, _, bits, extended = words
    if code == _EXTENSIBLE:
        code = extended
    pcm = {1: _PCM, 3: _FLOAT}.get(code, {}).get(bits)
    details = Details()
    if codec := pcm or _WAV_CODECS.get(code):
        details["audio_codec"] = codec
    if channels:
        details["channels"] = channels
    rate = int.from_bytes(form[8:12], "little")
    duration = lasting(size / rate) if rate else None
    return Facts("audio/wav", duration=duration, details=details)


def adts(sample: Sample) -> Facts:
    """Bare AAC."""
    data = sample.data
    size = _adts_frame_size(data, 0)
    if not size or size > len(data) or not (size == len(data) or _adts_frame_size(data, size)):
        raise truncated("audio")
    rate, channels = data[2] >> 2 & 15, (data[2] & 1) << 2 | data[3] >> 6
    details = Details(audio_codec="aac")
    if channels:
        details["channels"] = 8 if channels == 7 else channels
    seconds = 0.0
    if rate < len(_ADTS_RATES):
        count = Frames(data, 0, _adts_frame_size).count
        seconds = count * _ADTS_SAMPLES * ((data[6] & 3) + 1) / _ADTS_RATES[rate]
    return Facts("audio/aac", duration=lasting(seconds), details=details)


def _adts_frame_size(data: Bytes, at: int) -> int:
    header = data[at : at + _ADTS_HEADER]
    if len(header) < _ADTS_HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > _ADTS_HEADER else 0


def amr(sample: Sample) -> Facts:
    data = sample.data
    for magic, sizes, codec in (
        (b"#!AMR\n", _AMR_SIZES, "amr_nb"),
        (b"#!AMR-WB\n", _AMR_WIDE_SIZES, "amr_wb"),
    ):
        if data[: len(magic)] == magic:
            size = sizes[number(data, len(magic), 1, "audio") >> 3 & 15]
            if size is None or len(magic) + size > len(data):
                raise truncated("audio")
            count = Frames(data, len(magic), partial(_amr_frame_size, sizes)).count
            details = Details(audio_codec=codec, channels=1)
            return Facts("audio/amr", duration=lasting(count * _AMR_SECONDS), details=details)
    raise unsupported("Only AMR files with one channel are taken.")


def _amr_frame_size(sizes: tuple[int | None, ...], data: Bytes, at: int) -> int:
    return (sizes[data[at] >> 3 & 15] or 0) if at < len(data) else 0
