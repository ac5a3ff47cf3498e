"""The process itself: `python -m media_library.transcoding.child`, order on stdin, news on stdout.

It limits itself before it opens anything, and ends when its parent does.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from media_library.transcoding.caps import Caps
from media_library.transcoding.forms import FORMS
from media_library.transcoding.jobs import (
    FAILED,
    OUT_OF_MEMORY,
    TOO_LARGE,
    UNAVAILABLE,
    TranscodingFailed,
)
from media_library.transcoding.work import Overflow, Work

_PR_SET_PDEATHSIG = 1


class Voice:
    """Lines of JSON to the parent; what libraries print goes nowhere."""

    def __init__(self) -> None:
        self._pipe = os.dup(1)
        self._percent = -1
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)

    def say(self, **words: Any) -> None:
        os.write(self._pipe, json.dumps(words).encode() + b"\n")

    def progress(self, percent: int) -> None:
        if percent > self._percent:
            self._percent = percent
            self.say(progress=percent)


def main() -> None:
    voice = Voice()
    order = json.loads(sys.stdin.buffer.readline())
    _die_with(order["parent"])
    Caps(**order["caps"]).apply()
    try:
        _make(order, voice)
    except BaseException as error:  # whatever it is, it is the last thing to tell
        failed = _told(error, FORMS[order["form"]].label)
        cause = f"{type(error).__name__}: {error}"
        said = {"code": failed.code, "message": failed.message, "retryable": failed.retryable}
        voice.say(failed={**said, "cause": cause[:200]})
    else:
        voice.say(done=True)
    # Without tidying up: libraries may be in no state for it.
    os._exit(0)


def _make(order: dict[str, Any], voice: Voice) -> None:
    with open(order["source"], "rb") as source:
        work = Work(source, order["target"], order["mime_type"], order["max_bytes"], voice.progress)
        FORMS[order["form"]].make(work)


def _die_with(parent: int) -> None:
    """By the kernel where that can be asked for, and by the end of what the parent says."""
    threading.Thread(target=_die_at_the_end_of_input, daemon=True).start()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _die_at_the_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def _told(error: BaseException, label: str) -> TranscodingFailed:
    if isinstance(error, TranscodingFailed):
        return error
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return TranscodingFailed(OUT_OF_MEMORY, f"{label}: making it takes too much memory.")
    if isinstance(error, Overflow) or number == errno.EFBIG:
        return TranscodingFailed(TOO_LARGE, f"{label}: it cannot be made small enough.")
    if number == errno.ENOSPC:
        message = "The server has no room left to make it."
        return TranscodingFailed(UNAVAILABLE, message, retryable=True)
    if isinstance(error, ImportError):
        return TranscodingFailed(UNAVAILABLE, f"{label}: this server lacks what makes it.")
    return TranscodingFailed(FAILED, f"{label}: the file is damaged and cannot be read.")


if __name__ == "__main__":
    main()
