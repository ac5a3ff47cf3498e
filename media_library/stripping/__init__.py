"""What in a file gives a person away, and the file without it.

Where they were, with which device, under which name: cameras and editors write it beside the
pictures. Pictures and sound stay bit for bit; so do colour profiles and what turns a picture
upright. What is stripped once has nothing more to strip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from media_library.sniffing import Facts
from media_library.sniffing.facts import Bytes, truncated
from media_library.stripping import heic, images, movies, tags
from media_library.stripping.edits import Edit, pieces

__all__ = ["Edit", "edits_of", "pieces"]

_STRIPPERS: dict[str, Callable[[Bytes, Facts], Iterator[Edit]]] = {
    "image/jpeg": images.jpeg,
    "image/png": images.png,
    "image/webp": images.webp,
    "image/gif": images.gif,
    "image/heic": heic.heic,
    "audio/mpeg": tags.mp3,
    "audio/mp4": movies.movie,
    "video/mp4": movies.movie,
    "audio/3gpp": movies.movie,
    "video/3gpp": movies.movie,
    "video/quicktime": movies.movie,
}


def edits_of(data: Bytes, facts: Facts) -> list[Edit]:
    """In the order of the file, and apart from each other. Raises Refused (`unsupported_media`)."""
    stripper = _STRIPPERS.get(facts.mime_type)
    found = sorted(stripper(data, facts)) if stripper else []
    if any(after.start < before.stop for before, after in pairwise(found)):
        raise truncated("file")
    return [each for each in found if each.changes(data)]
