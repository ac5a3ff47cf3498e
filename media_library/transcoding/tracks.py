"""One track of a result: copied as it is, or decoded and encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media_library.transcoding.caps import VIDEO_THREADS
from media_library.transcoding.containers import Damage
from media_library.transcoding.framing import Framing
from media_library.transcoding.plans import PicturePlan, SoundPlan

_TICKS = 90_000


class Track(Protocol):
    def feed(self, packet: Packet) -> None:
        """Write what follows from a packet of the source; the empty one ends it."""

    def finish(self) -> None:
        """Write what is left. Raises TranscodingFailed when there was nothing."""


class Copy:
    """Decoded all the same: what is copied must be known to play."""

    def __init__(self, output: OutputContainer, source: Stream) -> None:
        self._output = output
        self._damage = Damage("video" if source.type == "video" else "sound")
        source.codec_context.thread_count = VIDEO_THREADS if source.type == "video" else 1
        self._stream = output.add_stream_from_template(source, opaque=True)
        self._stream.metadata.clear()

    def feed(self, packet: Packet) -> None:
        self._damage.decoded(packet)
        if packet.dts is not None:
            packet.stream = self._stream
            self._output.mux(packet)

    def finish(self) -> None:
        self._damage.finish()


class Pictures:
    """`start` is the second of the source at which the result begins."""

    def __init__(
        self, output: OutputContainer, source: VideoStream, plan: PicturePlan, start: float
    ) -> None:
        self._output, self._start = output, Fraction(start).limit_denominator(_TICKS)
        source.codec_context.thread_count = VIDEO_THREADS
        self._gap = _TICKS / plan.max_rate * 0.9
        self._last = -_TICKS
        self._step = round(_TICKS / plan.rate)
        self._damage = Damage("video")
        self._framing = Framing(plan.size, "yuv420p", VIDEO_THREADS)
        self._stream = output.add_stream("libx264", rate=plan.rate, options=_x264(plan))
        context = self._stream.codec_context
        context.width, context.height = plan.size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, _TICKS)
        context.thread_count = VIDEO_THREADS

    def feed(self, packet: Packet) -> None:
        for frame in self._damage.decoded(packet):
            if self._keep(frame):
                made = self._framing.frame(frame)
                made.pict_type = 0
                self._output.mux(self._stream.encode(made))

    def finish(self) -> None:
        self._damage.finish()
        self._output.mux(self._stream.encode(None))

    def _keep(self, frame: VideoFrame) -> bool:
        """Whether it comes late enough after the last one, and if so, when."""
        at = self._last + self._step
        if frame.pts is not None and frame.time_base:
            at = round((frame.pts * frame.time_base - self._start) * _TICKS)
        if at < 0 or at - self._last < self._gap:
            return False
        self._last = frame.pts = at
        frame.time_base = Fraction(1, _TICKS)
        return True


def _x264(plan: PicturePlan) -> dict[str, str]:
    return {
        "profile": "main",
        "bf": "0",
        "preset": "veryfast",
        "crf": "23",
        "maxrate": str(plan.bits),
        "bufsize": str(plan.bits),
        "threads": str(VIDEO_THREADS),
    }


class Sounds:
    """Gaps become silence, so that pictures and sound stay together."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, plan: SoundPlan, start: float | None
    ) -> None:
        self._output, self._plan, self._start = output, plan, start
        source.codec_context.thread_count = 1
        self._damage = Damage("sound")
        self._graph: Graph | None = None
        self._of: tuple[Any, ...] = ()
        self._samples = 0
        self._stream = cast(
            AudioStream,
            output.add_stream(plan.codec, rate=plan.sample_rate, options=dict(plan.options)),
        )
        self._stream.codec_context.layout = plan.layout
        self._stream.bit_rate = plan.bits
        self._stream.codec_context.thread_count = 1

    def feed(self, packet: Packet) -> None:
        for frame in self._damage.decoded(packet):
            for made in self._resampled(frame):
                self._encode(made)

    def finish(self) -> None:
        self._damage.finish()
        for made in self._drained():
            self._encode(made)
        self._output.mux(self._stream.encode(None))

    def _encode(self, frame: AudioFrame) -> None:
        # Counted: what the filters leave has no gaps.
        frame.pts, frame.time_base = self._samples, Fraction(1, self._plan.sample_rate)
        self._samples += frame.samples
        self._output.mux(self._stream.encode(frame))

    def _resampled(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None or key != self._of:
            yield from self._drained()
            self._graph, self._of = self._built(frame), key
        self._timed(frame)
        self._graph.push(frame)
        yield from _pulled(self._graph)

    def _timed(self, frame: AudioFrame) -> None:
        """Count its time from the start of the result."""
        if frame.pts is None or frame.time_base is None:
            return
        if self._start is None:
            self._start = float(frame.pts * frame.time_base)
        seconds = float(frame.pts * frame.time_base) - self._start
        frame.pts = round(seconds * frame.sample_rate)
        frame.time_base = Fraction(1, frame.sample_rate)

    def _drained(self) -> Iterator[AudioFrame]:
        if self._graph is not None:
            self._graph.push(None)
            yield from _pulled(self._graph)
            self._graph = None

    def _built(self, frame: AudioFrame) -> Graph:
        graph, plan = Graph(), self._plan
        graph.threads = 1
        filling = {"async": "1"}
        if not self._samples:
            filling["first_pts"] = "0"
        graph.link_nodes(
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=Fraction(1, frame.sample_rate),
            ),
            graph.add("aresample", **filling),
            graph.add(
                "aformat",
                sample_fmts=self._stream.codec_context.format.name,
                channel_layouts=plan.layout,
                sample_rates=str(plan.sample_rate),
            ),
            graph.add("abuffersink"),
        ).configure()
        return graph


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            yield cast(AudioFrame, graph.pull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return
