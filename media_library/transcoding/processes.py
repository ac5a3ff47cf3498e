"""The process that makes a form, seen from the one that wants it.

It gets one line of JSON, and answers with lines of JSON: percents, then how it ended. It knows
nothing but paths, and is not trusted: what it says is bounded, and what it made is looked at.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from media_library.transcoding.caps import caps_of
from media_library.transcoding.forms import Form
from media_library.transcoding.jobs import (
    FAILED,
    MEANINGS,
    OUT_OF_MEMORY,
    TIMED_OUT,
    UNAVAILABLE,
    Cancelled,
    Job,
    TranscodingFailed,
)

ASK_SECONDS = 1.0  # between two questions whether it is still wanted
END_SECONDS = 5.0  # from its last word to its end
MAX_LINE = 4096
MAX_MESSAGE = 300
RESULT = "result"
_ROOT = Path(__file__).parents[2]
_COMMAND = [sys.executable, "-P", "-s", "-B", "-m", "media_library.transcoding.child"]


class Process:
    """One of them, for one job; `folder` is its own, and holds the result."""

    def __init__(self, form: Form, source: Path, job: Job, folder: Path) -> None:
        self._form = form
        self._made = folder / RESULT
        self._caps = caps_of(form.seconds, job.mime_type, job.max_bytes)
        self._max_bytes = job.max_bytes
        self._order = {
            **asdict(job),
            "source": str(source),
            "target": RESULT,
            "caps": asdict(self._caps),
            "parent": os.getpid(),
        }
        self._deadline = time.monotonic() + self._caps.seconds
        self._process = _started(folder)
        self._ended_with: int | None = None  # not when it was we who ended it
        self._orders = cast(IO[bytes], self._process.stdin)
        self._news = cast(IO[bytes], self._process.stdout)

    def run(self, progress: Callable[[int], None], cancelled: Callable[[], bool]) -> Path:
        """Where the result is. Raises TranscodingFailed or Cancelled; the process is gone."""
        try:
            ending = self._listen(progress, cancelled)
        finally:
            self._end()
        if ending is None:
            raise self._died()
        if failure := ending.get("failed"):
            raise _as_said(failure)
        return self._checked()

    def _listen(
        self, progress: Callable[[int], None], cancelled: Callable[[], bool]
    ) -> dict[str, Any] | None:
        """Its last word; None when it went without one."""
        self._give_order()
        for said in self._lines(cancelled):
            if "done" in said or "failed" in said:
                return said
            if isinstance(percent := said.get("progress"), int):
                progress(min(max(percent, 0), 100))
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(min(END_SECONDS, max(self._deadline - time.monotonic(), 0)))
        return None

    def _give_order(self) -> None:
        with suppress(BrokenPipeError):
            self._orders.write(json.dumps(self._order).encode() + b"\n")
            self._orders.flush()

    def _lines(self, cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        pipe, heard, ask_at = self._news.fileno(), b"", 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                now = time.monotonic()
                if now >= self._deadline:
                    raise self._timed_out()
                if now >= ask_at:
                    if cancelled():
                        raise Cancelled
                    ask_at = now + ASK_SECONDS
                if not selector.select(min(ASK_SECONDS, self._deadline - now)):
                    continue
                if not (piece := os.read(pipe, MAX_LINE)):
                    return
                *lines, heard = (heard + piece).split(b"\n")
                if len(heard) > MAX_LINE:
                    return
                yield from map(_understood, lines)

    def _end(self) -> None:
        self._ended_with = self._process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._orders, self._news):
            with suppress(OSError):
                pipe.close()

    def _died(self) -> TranscodingFailed:
        """What its end means when it could not say so itself."""
        number = -(self._ended_with or 0)
        if number == signal.SIGXCPU:
            return self._timed_out()
        if number == signal.SIGKILL:
            # Not our doing: so ends whatever the system has no memory left for.
            return TranscodingFailed(
                OUT_OF_MEMORY, "The server ran out of memory while making it.", retryable=True
            )
        message = f"{self._form.label}: the file made the converter crash."
        return TranscodingFailed(FAILED, message)

    def _timed_out(self) -> TranscodingFailed:
        seconds = round(self._caps.seconds)
        length = f"{seconds // 60} minutes" if seconds > 90 else f"{seconds} seconds"
        return TranscodingFailed(
            TIMED_OUT, f"Making it took longer than {length}; then it was stopped.", retryable=True
        )

    def _checked(self) -> Path:
        with suppress(OSError):
            about = self._made.lstat()
            if stat.S_ISREG(about.st_mode) and 0 < about.st_size <= self._max_bytes:
                return self._made
        raise TranscodingFailed(FAILED, f"{self._form.label}: the converter made nothing usable.")


def _started(folder: Path) -> subprocess.Popen[bytes]:
    """Without our environment: it holds secrets."""
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={
                "PYTHONPATH": str(_ROOT),
                "LC_ALL": "C.UTF-8",
                "TMPDIR": str(folder),
                # glibc would reserve 64 MB of address space for each thread.
                "MALLOC_ARENA_MAX": "2",
            },
            start_new_session=True,
        )
    except OSError as error:
        message = "The server could not start the converter."
        raise TranscodingFailed(UNAVAILABLE, message, retryable=True) from error


def _understood(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _as_said(failure: Any) -> TranscodingFailed:
    code, message = str(failure.get("code")), str(failure.get("message"))[:MAX_MESSAGE]
    failed = TranscodingFailed(
        code if code in MEANINGS else FAILED, message, retryable=bool(failure.get("retryable"))
    )
    failed.__cause__ = RuntimeError(str(failure.get("cause"))[:MAX_MESSAGE])
    return failed
