"""Sound as one frame after the other: how many there are."""

from __future__ import annotations

from collections.abc import Callable

from media_library import limits
from media_library.sniffing.facts import Bytes


class Frames:
    """`count` of the frames from a place on; of many, those behind the first are estimated.

    `size_of` says how long the frame at a place is, 0 when none begins there. A frame that is cut
    does not count.
    """

    def __init__(self, data: Bytes, start: int, size_of: Callable[[Bytes, int], int]) -> None:
        at, walked = start, 0
        while walked < limits.FRAMES_COUNTED and (size := size_of(data, at)):
            if at + size > len(data):
                break
            at, walked = at + size, walked + 1
        self.count: float = walked
        if walked == limits.FRAMES_COUNTED:
            self.count = walked * (len(data) - start) / (at - start)
