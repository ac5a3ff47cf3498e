"""Video as every channel takes it: H.264 and AAC in an MP4 whose index comes first.

Of H.264 neither the profile High and those above it nor B-frames, which not every phone plays.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media_library.transcoding import plans, sounds
from media_library.transcoding.containers import (
    Damage,
    Span,
    begun,
    measured,
    opened,
    sound_of,
    video_of,
)
from media_library.transcoding.framing import shown_size, turns_of
from media_library.transcoding.tracks import Copy, Pictures, Sounds, Track
from media_library.transcoding.work import Overflow, Work, damaged, too_large

_PROFILES = {"Baseline", "Constrained Baseline", "Main"}
_SOUND_SHARE = 0.15
_MAX_SOUND_BITS, _MIN_SOUND_BITS = 128_000, 12_000
_DEFAULT_RATE = Fraction(30)


@dataclass(frozen=True)
class Source:
    """What the first look at a video tells; `picture_right` and `sound_right`: to be copied."""

    shown: tuple[int, int]
    rate: Fraction
    picture_right: bool
    sound_right: bool
    picture: Span
    sound: Span | None

    @property
    def start(self) -> float:
        return self.picture.start

    @property
    def seconds(self) -> float:
        ends = [self.picture.end, *([self.sound.end] if self.sound else [])]
        return max(ends) - self.start


def make(work: Work) -> None:
    """Raises TranscodingFailed."""
    sounds.require("libx264", "aac")
    source = _looked_at(work, measured(work))
    copied = source.picture.size + (source.sound.size if source.sound else 0)
    copies = [None] if source.picture_right and copied < work.max_bytes else []
    for share in (*copies, *sounds.ATTEMPTS):
        try:
            return _write(work, source, share)
        except Overflow:
            continue
    raise too_large("The video cannot be made small enough.")


def _looked_at(work: Work, spans: dict[int, Span]) -> Source:
    with opened(work) as container:
        video = video_of(container)
        sound = sound_of(container) if container.streams.audio else None
        if video.index not in spans:
            raise damaged("The video is empty.")
        frame = _first_frame(container, video)
        shown = shown_size(frame, video.codec_context.sample_aspect_ratio)
        rate = video.average_rate or video.guessed_rate or _DEFAULT_RATE
        return Source(
            shown=shown,
            rate=max(Fraction(1), Fraction(rate)),
            picture_right=_is_right(video, frame, shown, rate),
            sound_right=sound is not None and sounds.is_aac(sound),
            picture=spans[video.index],
            sound=spans.get(sound.index) if sound is not None else None,
        )


def _first_frame(container: InputContainer, video: VideoStream) -> VideoFrame:
    damage = Damage("video")
    video.codec_context.thread_count = 1
    for packet in container.demux(video):
        if frames := damage.decoded(packet):
            frame: VideoFrame = frames[0]
            return frame
    raise damaged("The video is damaged: no picture of it can be decoded.")


def _is_right(
    video: VideoStream, frame: VideoFrame, shown: tuple[int, int], rate: Fraction
) -> bool:
    return (
        video.codec_context.codec.canonical_name == "h264"
        and video.codec_context.profile in _PROFILES
        and not video.codec_context.has_b_frames
        and frame.format.name == "yuv420p"
        and not turns_of(frame)
        and shown == (frame.width, frame.height)
        and shown == plans.even(shown, plans.MAX_SIDE)
        and rate <= plans.MAX_RATE
    )


def _write(work: Work, source: Source, share: float | None) -> None:
    """Without a share of what there may be, what is right is copied."""
    options = {"movflags": "+faststart"}
    with opened(work) as container, begun(work, "mp4", options) as output:
        tracks = _tracks(container, output, work, source, share)
        streams = [stream for stream in container.streams if stream.index in tracks]
        for packet in container.demux(streams):
            if packet.pts is not None and source.seconds > 0:
                done = (float(packet.pts * packet.time_base) - source.start) / source.seconds
                work.progress(max(0, min(99, int(100 * done))))
            tracks[packet.stream_index].feed(packet)
        for track in tracks.values():
            track.finish()


def _tracks(
    container: InputContainer,
    output: OutputContainer,
    work: Work,
    source: Source,
    share: float | None,
) -> dict[int, Track]:
    video, sound = video_of(container), sound_of(container) if source.sound else None
    copying = share is None
    bits = int(plans.usable_bits(work.max_bytes, source.seconds) * (share or 1.0))
    picture_bits = bits
    making: dict[int, Track] = {}
    sound_plan = None
    if sound is not None and not (copying and source.sound_right):
        most = max(_MIN_SOUND_BITS, min(_MAX_SOUND_BITS, int(bits * _SOUND_SHARE)))
        sound_plan = sounds.aac_plan(sound, most, source.seconds, work.max_bytes)
        picture_bits -= sound_plan.bits
    making[video.index] = (
        Copy(output, video) if copying else _pictures(output, video, work, source, picture_bits)
    )
    if sound is not None:
        making[sound.index] = (
            Sounds(output, sound, sound_plan, source.start) if sound_plan else Copy(output, sound)
        )
    return making


def _pictures(
    output: OutputContainer, video: VideoStream, work: Work, source: Source, bits: int
) -> Pictures:
    plan = plans.picture_plan(source.shown, source.rate, bits, source.seconds, work.max_bytes)
    return Pictures(output, video, plan, source.start)
