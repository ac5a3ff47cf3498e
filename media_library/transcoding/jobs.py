"""What is asked of the process that makes forms, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass

FAILED = "rendition_failed"
TOO_LARGE = "rendition_too_large"
TIMED_OUT = "rendition_timeout"
OUT_OF_MEMORY = "rendition_out_of_memory"
UNAVAILABLE = "rendition_unavailable"

MEANINGS = {
    FAILED: "The file is damaged, or holds what cannot be read; another try would fail too.",
    TOO_LARGE: "It cannot be made small enough.",
    TIMED_OUT: "It took longer than a file may take.",
    OUT_OF_MEMORY: "It took more memory than a file may take.",
    UNAVAILABLE: "This server cannot make it: something that it needs is missing.",
}


@dataclass(frozen=True)
class Job:
    """What to make: `form` is a name of `media_library.transcoding.forms`.

    The result has at most `max_bytes`; a form that can be made smaller is, until it fits.
    `mime_type` is what the source's bytes were found to be: it alone chooses how they are read.
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
