"""Other forms of a file: made in a process of its own, which is killed when it takes too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What to make: `form` is a name of `media_library.transcoding.forms`.

    The result has at most `max_bytes`; a form that can be made smaller is, until it fits.
    `mime_type` is that of the source.
    """

    form: str
    max_bytes: int
    mime_type: str


class TranscodingFailed(Exception):
    """`code` and `message` are for the person whose file it is."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class Cancelled(Exception):
    """Whoever asked for it does not want it any more."""


def transcode(
    source: Path,
    target: Path,
    job: Job,
    *,
    progress: Callable[[int], None],
    cancelled: Callable[[], bool],
) -> None:
    """Write `job` of the file at `source` to `target`, or raise TranscodingFailed or Cancelled.

    `progress` is called with percents, `cancelled` asked about once a second.
    """
    raise NotImplementedError
