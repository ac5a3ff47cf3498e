"""Text, and whatever else begins like nothing that the library takes."""

from __future__ import annotations

import codecs
import re

try:
    import magic
except ImportError:
    # The system has no libmagic. The wheel brings one, and shows `magic` where it is.
    import pylibmagic  # noqa: F401

    # isort: split
    import magic

from media_library import limits
from media_library.sniffing.facts import Facts, Sample, unsupported

# What libmagic tells apart from plain text for a reason. Its guesses at programming languages
# (text/x-c, text/troff) are no reason: they are often prose.
_NOT_PLAIN = {
    "text/html",
    "text/xml",
    "text/rtf",
    "text/calendar",
    "text/vcard",
    "text/javascript",
    "text/x-php",
    "text/x-shellscript",
    "text/x-msdos-batch",
}
_PLAIN_TOO = {"message/rfc822", "message/news"}
_MARKUP_START = re.compile(r"\s*<[a-z!?/]", re.IGNORECASE)
_MARKUP_INSIDE = re.compile(
    r"<(?:!doctype|html|head|body|script|svg|iframe|object|embed|\?xml|\?php)\b", re.IGNORECASE
)
# Players open whatever these name, from wherever it is.
_PLAYLIST = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|ffconcat version|\[playlist\])", re.IGNORECASE
)
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def plain(sample: Sample) -> Facts:
    head = sample.data[: limits.HEAD_BYTES]
    if _is_markup(head):
        raise unsupported("HTML, SVG and XML are not accepted.")
    if head[:2] == b"#!":
        raise unsupported("Programs are not accepted.")
    if _PLAYLIST.match(head):
        raise unsupported("Playlists are not accepted: they name other files.")
    mime_type = _text_type(head)
    if head[:2] not in _UTF_16 and sample.data.find(b"\0") >= 0:
        raise unsupported("The file begins as text and goes on as something else.")
    return Facts(mime_type)


def _text_type(head: bytes) -> str:
    found = str(magic.from_buffer(head, mime=True))
    if found in ("text/csv", "application/csv"):
        return "text/csv"
    if found in _PLAIN_TOO or (found.startswith("text/") and found not in _NOT_PLAIN):
        return "text/plain"
    if found == "application/octet-stream" and _is_short_text(head):
        return "text/plain"
    raise unsupported(f"The type {found} is not accepted.")


def _is_markup(head: bytes) -> bool:
    """Whether a browser left to guess might take it for a page."""
    encoding = _UTF_16.get(head[:2], "utf-8-sig")
    start = head[: limits.MARKUP_BYTES].decode(encoding, "replace").lstrip("\ufeff\0")
    return bool(_MARKUP_START.match(start) or _MARKUP_INSIDE.search(start))


def _is_short_text(head: bytes) -> bool:
    """libmagic does not judge one or two bytes."""
    return len(head) < 4 and head.isascii() and head.decode().strip().isprintable()
