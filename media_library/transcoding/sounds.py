"""Sound alone, in the containers that channels take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import av
from av.audio.stream import AudioStream

from media_library.transcoding.containers import Span, begun, measured, opened, sound_of
from media_library.transcoding.jobs import UNAVAILABLE, TranscodingFailed
from media_library.transcoding.plans import SoundPlan, sound_bits, usable_bits
from media_library.transcoding.tracks import Copy, Sounds, Track
from media_library.transcoding.work import Overflow, Work, damaged, too_large

# By how much less each attempt takes.
ATTEMPTS = (1.0, 0.75, 0.5)
# Fewer samples than these are not played everywhere.
_AAC_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
# AAC encoders refuse more bits than a frame holds, and few samples make poor ones of many.
_AAC_BITS_PER_SAMPLE = 3


@dataclass(frozen=True)
class SoundForm:
    """`is_right` tells whether a track is what it should be already."""

    muxer: str
    muxer_options: Mapping[str, str]
    is_right: Callable[[AudioStream], bool]
    plan: Callable[[AudioStream, int, float, int], SoundPlan]
    encoder: str


def is_aac(stream: AudioStream) -> bool:
    return stream.codec_context.codec.canonical_name == "aac" and channels_of(stream) <= 2


def channels_of(stream: AudioStream) -> int:
    return stream.codec_context.channels


def aac_plan(stream: AudioStream, usable: int, seconds: float, max_bytes: int) -> SoundPlan:
    """At most 128 kbit/s, and at the least what speech can be understood at."""
    channels = min(2, channels_of(stream))
    if usable < 48_000:
        channels = 1
    bits = sound_bits(usable, 64_000 * channels, 12_000, seconds, max_bytes)
    source_rate = stream.codec_context.sample_rate
    rate = max((each for each in _AAC_RATES if each <= source_rate), default=16_000)
    if bits < 24_000 * channels:
        rate = min(rate, 16_000)
    bits = min(bits, _AAC_BITS_PER_SAMPLE * rate * channels)
    return SoundPlan("aac", "stereo" if channels == 2 else "mono", rate, bits, {})


def _opus_plan(stream: AudioStream, usable: int, seconds: float, max_bytes: int) -> SoundPlan:
    bits = sound_bits(usable, 32_000, 6_000, seconds, max_bytes)
    return SoundPlan("libopus", "mono", 48_000, bits, {"application": "voip"})


def _is_voice_note(stream: AudioStream) -> bool:
    return stream.codec_context.codec.canonical_name == "opus" and channels_of(stream) == 1


M4A = SoundForm("ipod", {"movflags": "+faststart"}, is_aac, aac_plan, "aac")
OPUS = SoundForm("ogg", {}, _is_voice_note, _opus_plan, "libopus")


def require(*encoders: str) -> None:
    for each in encoders:
        if each not in av.codecs_available:
            raise TranscodingFailed(UNAVAILABLE, f"This server has no encoder {each}.")


def make(work: Work, form: SoundForm) -> None:
    """Raises TranscodingFailed."""
    require(form.encoder)
    with opened(work) as container:
        stream = sound_of(container)
        index, right = stream.index, form.is_right(stream)
    span = measured(work).get(index)
    if span is None:
        raise damaged("The sound is empty.")
    copies = [None] if right and span.size < work.max_bytes else []
    for share in (*copies, *ATTEMPTS):
        try:
            return _write(work, form, span, share)
        except Overflow:
            continue
    raise too_large("The sound cannot be made small enough.")


def _write(work: Work, form: SoundForm, span: Span, share: float | None) -> None:
    """Without a share of what there may be, it is copied as it is."""
    seconds = span.end - span.start
    with opened(work) as container, begun(work, form.muxer, dict(form.muxer_options)) as output:
        source = sound_of(container)
        if share is None:
            track: Track = Copy(output, source)
        else:
            usable = int(usable_bits(work.max_bytes, seconds) * share)
            plan = form.plan(source, usable, seconds, work.max_bytes)
            track = Sounds(output, source, plan, None)
        for packet in container.demux(source):
            if packet.pts is not None and seconds > 0:
                done = (float(packet.pts * packet.time_base) - span.start) / seconds
                work.progress(min(99, int(100 * done)))
            track.feed(packet)
        track.finish()
