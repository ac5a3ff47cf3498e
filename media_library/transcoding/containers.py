"""Files of sound and video: opened as what they were found to be, and measured.

ffmpeg guesses formats, follows references to other files and speaks a dozen protocols. Here it is
told the format, gets the file already open, and may open nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from media_library.transcoding.work import Work, damaged

# ffmpeg's messages may quote the file.
av.logging.set_level(None)

_DEMUXERS = {
    "mp4": "mov",
    "quicktime": "mov",
    "3gpp": "mov",
    "webm": "matroska",
    "ogg": "ogg",
    "mpeg": "mp3",
    "aac": "aac",
    "wav": "wav",
    "amr": "amr",
    "webp": "webp_pipe",
}
PICTURE_CODECS = frozenset({"webp"})
# What phones, cameras and browsers make. Fewer decoders are fewer ways in.
VIDEO_CODECS = frozenset(
    {"h264", "hevc", "h263", "mpeg4", "vp8", "vp9", "av1", "libdav1d", "theora", "mjpeg", "prores"}
)
AUDIO_CODECS = frozenset(
    {"aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "flac", "alac", "amrnb", "amrwb"}
    | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_f64le"}
    | {"pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "adpcm_ima_wav", "adpcm_ms"}
)
_BUFFER = 256 * 1024
# 8K, upright or not.
_MAX_PIXELS = 7680 * 4320
# What may be missing at the end: headers round, and some players write them too early.
_MISSING_SECONDS, _MISSING_SHARE = 0.5, 0.05


@dataclass(frozen=True)
class Span:
    """What the packets of one track tell: seconds, and bytes in all."""

    start: float
    end: float
    size: int


@contextmanager
def opened(work: Work) -> Iterator[InputContainer]:
    demuxer = _DEMUXERS[work.mime_type.partition("/")[2]]
    work.source.seek(0)
    names = f"{demuxer},{av.format.ContainerFormat(demuxer, 'r').name}"
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": names,
        "codec_whitelist": ",".join(VIDEO_CODECS | AUDIO_CODECS | PICTURE_CODECS),
        "max_streams": "32",
    }
    with av.open(
        work.source,
        "r",
        format=demuxer,
        container_options=options,
        buffer_size=_BUFFER,
        io_open=_refuse,
        metadata_errors="replace",
    ) as container:
        yield container


@contextmanager
def begun(work: Work, muxer: str, options: dict[str, str]) -> Iterator[OutputContainer]:
    """The result; what fails leaves it unfinished. To move its index to the front it is read."""
    file = work.file()

    def again(url: str, flags: int, options: dict[str, str]) -> Any:
        return open(work.target, "rb")

    container = av.open(
        file, "w", format=muxer, options=options, buffer_size=_BUFFER, io_open=again
    )
    try:
        yield container
        container.close()
    finally:
        # Closed before the container, which then writes no more to it.
        file.close()
        container.close()


def video_of(container: InputContainer) -> VideoStream:
    """Raises TranscodingFailed when there is none that can be read."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            context = stream.codec_context
            if context is None or context.codec.name not in VIDEO_CODECS:
                raise damaged("The video is in a codec that cannot be read.")
            if context.width * context.height > _MAX_PIXELS:
                raise damaged("The video's picture is larger than 8K.")
            return stream
    raise damaged("The file holds no video.")


def sound_of(container: InputContainer) -> AudioStream:
    """Raises TranscodingFailed when there is none that can be read."""
    for stream in container.streams.audio:
        if stream.codec_context is None or stream.codec_context.codec.name not in AUDIO_CODECS:
            raise damaged("The sound is in a codec that cannot be read.")
        return stream
    raise damaged("The file holds no sound.")


def measured(work: Work) -> dict[int, Span]:
    """The tracks' spans by index. Raises TranscodingFailed when the file has lost its end."""
    spans: dict[int, Span] = {}
    with opened(work) as container:
        promised = _promised(container)
        for packet in container.demux():
            if packet.pts is None or not packet.size:
                continue
            start = float(packet.pts * packet.time_base)
            end = start + float((packet.duration or 0) * packet.time_base)
            span = spans.get(packet.stream_index, Span(start, end, 0))
            spans[packet.stream_index] = Span(
                min(span.start, start), max(span.end, end), span.size + packet.size
            )
    for index, seconds in promised.items():
        there = spans[index].end if index in spans else 0.0
        if there < seconds - max(_MISSING_SECONDS, _MISSING_SHARE * seconds):
            raise damaged(f"The file ends after {there:.1f} of {seconds:.1f} seconds.")
    return spans


def _promised(container: InputContainer) -> dict[int, float]:
    """How long tracks are to be, where the format knows; others guess."""
    if "mov" not in container.format.name:
        return {}
    return {
        stream.index: float(stream.duration * stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.duration and stream.time_base
    }


class Damage:
    """Counts what could not be decoded: a little is skipped, as players do, much is an error."""

    _TOLERATED, _SHARE = 3, 0.05

    def __init__(self, what: str) -> None:
        self._what = what
        self._good = self._bad = 0

    def decoded(self, packet: Any) -> list[Any]:
        """The frames of a packet that are whole. Raises TranscodingFailed after too many faults."""
        try:
            frames = packet.decode()
        except (av.error.MemoryError, av.error.ArgumentError):
            raise
        except av.FFmpegError:
            self._bad += 1
            frames = []
        if packet.is_corrupt:
            self._bad += 1
        whole = [frame for frame in frames if not frame.is_corrupt]
        self._bad += len(frames) - len(whole)
        self._good += len(whole)
        if self._bad > self._TOLERATED + self._SHARE * self._good:
            self._fail()
        return whole

    def finish(self) -> None:
        if not self._good:
            self._fail()

    def _fail(self) -> NoReturn:
        raise damaged(f"The {self._what} is damaged: too much of it cannot be decoded.")


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a file may not open others")
