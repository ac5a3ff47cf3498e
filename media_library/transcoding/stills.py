"""A picture out of a video: early, but not a black one if there is another."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from media_library.transcoding.containers import Damage, opened, video_of
from media_library.transcoding.framing import Framing, shown_size
from media_library.transcoding.work import Work, damaged

_EARLY_SECONDS, _EARLY_SHARE = 1.0, 0.1
_LATER_SHARES = (0.25, 0.5, 0.75)
# From the key frame before the place that is wanted.
_MAX_DECODED = 300
_DARK = 32
_MIN_BRIGHT_SHARE = 0.05


def read(work: Work, max_side: int) -> Image.Image:
    """At most so many pixels wide and high. Raises TranscodingFailed."""
    best: tuple[float, Image.Image] | None = None
    with opened(work) as container:
        stream = video_of(container)
        stream.codec_context.thread_count = 1
        for at in _places(container):
            frame = _frame_at(container, stream, at)
            if frame is None:
                continue
            picture = _picture(frame, stream, max_side)
            bright = _bright_share(picture)
            if best is None or bright > best[0]:
                best = (bright, picture)
            if bright >= _MIN_BRIGHT_SHARE:
                break
    if best is None:
        raise damaged("The video is damaged: no picture of it can be decoded.")
    return best[1]


def _places(container: InputContainer) -> Iterator[float]:
    seconds = (container.duration or 0) / av.time_base
    yield min(_EARLY_SECONDS, seconds * _EARLY_SHARE)
    if seconds:
        yield from (seconds * share for share in _LATER_SHARES)


def _frame_at(container: InputContainer, stream: VideoStream, at: float) -> VideoFrame | None:
    """The first frame that is not before `at`, or else the last one before it."""
    begin = (container.start_time or 0) / av.time_base
    try:
        container.seek(int((begin + at) * av.time_base))
    except av.FFmpegError:
        if at > _EARLY_SECONDS:
            return None  # what cannot be sought is read once, from its beginning
    found = None
    for count, frame in enumerate(_frames(container, stream)):
        found = frame
        if count >= _MAX_DECODED or frame.time is None or frame.time >= begin + at:
            break
    return found


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    damage = Damage("video")
    for packet in container.demux(stream):
        yield from damage.decoded(packet)


def _picture(frame: VideoFrame, stream: VideoStream, max_side: int) -> Image.Image:
    width, height = shown_size(frame, stream.codec_context.sample_aspect_ratio)
    scale = min(1.0, max_side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture: Image.Image = Framing(size, "rgb24").frame(frame).to_image()  # type: ignore[no-untyped-call]
    return picture


def _bright_share(picture: Image.Image) -> float:
    counts = picture.convert("L").resize((64, 64)).histogram()
    return sum(counts[_DARK:]) / sum(counts)
