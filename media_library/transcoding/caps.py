"""How much making a form may take, before the process that makes it is ended."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass

MIB = 1024 * 1024

# Wall-clock seconds: a picture takes one or two, sound a hundredth of its length, video up to
# about its length on a slow machine.
PICTURE_SECONDS = 60.0
SOUND_SECONDS = 5 * 60.0
VIDEO_SECONDS = 30 * 60.0

# Of address space, of which Python, Pillow and ffmpeg take 150 MB before they begin.
MEMORY = 1024 * MIB
VIDEO_MEMORY = 1536 * MIB

# Of each coder at work; all others have one. The system's own limit on threads would count those
# of every process of the same user.
VIDEO_THREADS = 2
OPEN_FILES = 64
NICENESS = 10


@dataclass(frozen=True)
class Caps:
    """`seconds` are those of the clock; `processor_seconds` are spent by all threads together."""

    seconds: float
    processor_seconds: int
    memory: int
    file_bytes: int

    def apply(self) -> None:
        """To this process, for good. Where a system lacks one of them, the others hold."""
        for kind, soft, hard in (
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
            (resource.RLIMIT_FSIZE, self.file_bytes, self.file_bytes),
            # The first ends it with a signal that tells why, the second in any case.
            (resource.RLIMIT_CPU, self.processor_seconds, self.processor_seconds + 5),
            (resource.RLIMIT_AS, self.memory, self.memory),
        ):
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (soft, hard))
        with suppress(OSError):
            os.nice(NICENESS)


def caps_of(seconds: float, mime_type: str, max_bytes: int) -> Caps:
    video = mime_type.startswith("video/")
    return Caps(
        seconds=seconds,
        processor_seconds=max(1, round(seconds * (VIDEO_THREADS if video else 1))),
        memory=VIDEO_MEMORY if video else MEMORY,
        file_bytes=max_bytes,
    )
