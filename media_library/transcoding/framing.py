"""Frames of a video, turned, scaled and in another pixel format."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

from av.filter import Graph
from av.video.frame import VideoFrame

# The top left corner of a display matrix, by sign: what turns the picture as it says.
_TURNS: dict[tuple[int, ...], tuple[tuple[str, str], ...]] = {
    (1, 0, 0, 1): (),
    (0, 1, -1, 0): (("transpose", "clock"),),
    (-1, 0, 0, -1): (("hflip", ""), ("vflip", "")),
    (0, -1, 1, 0): (("transpose", "cclock"),),
    (-1, 0, 0, 1): (("hflip", ""),),
    (1, 0, 0, -1): (("vflip", ""),),
    (0, 1, 1, 0): (("transpose", "cclock_flip"),),
    (0, -1, -1, 0): (("transpose", "clock_flip"),),
}


def turns_of(frame: VideoFrame) -> tuple[tuple[str, str], ...]:
    """The filters, with their arguments, that make it upright."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return ()
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    return _TURNS.get(tuple((n > 0) - (n < 0) for n in (a, b, c, d)), ())


def shown_size(frame: VideoFrame, ratio: Any) -> tuple[int, int]:
    """With square pixels and upright; `ratio` is width to height of a pixel of the file's."""
    width, height = frame.width, frame.height
    if ratio and 0.1 < ratio < 10:
        width = max(1, round(width * ratio))
    turned = any(name == "transpose" for name, _ in turns_of(frame))
    return (height, width) if turned else (width, height)


class Framing:
    """Makes frames of `size` in `pixels`; the input may change its own in the middle."""

    def __init__(self, size: tuple[int, int], pixels: str, threads: int = 1) -> None:
        self._size, self._pixels, self._threads = size, pixels, threads
        self._graph: Graph | None = None
        self._of: tuple[Any, ...] = ()

    def frame(self, frame: VideoFrame) -> VideoFrame:
        turns = turns_of(frame)
        key = (frame.width, frame.height, frame.format.name, turns)
        if self._graph is None or key != self._of:
            self._graph, self._of = self._built(frame, turns), key
        pts, base = frame.pts, frame.time_base
        self._graph.vpush(frame)
        made = self._graph.vpull()
        made.pts, made.time_base = pts, base
        return made

    def _built(self, frame: VideoFrame, turns: tuple[tuple[str, str], ...]) -> Graph:
        graph = Graph()
        graph.threads = self._threads
        width, height = self._size
        nodes = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 1_000_000),
            )
        ]
        # Scaled first, while it lies as it is stored: turning less is faster.
        stored = (height, width) if any(name == "transpose" for name, _ in turns) else self._size
        nodes.append(graph.add("scale", w=str(stored[0]), h=str(stored[1]), flags="bicubic"))
        nodes += [graph.add(name, *filter(None, [argument])) for name, argument in turns]
        nodes.append(graph.add("format", pix_fmts=self._pixels))
        nodes.append(graph.add("setsar", "1"))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph
