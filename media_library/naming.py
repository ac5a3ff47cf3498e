"""What a file is called: to people, in its address, on the disk of whoever saves it."""

import unicodedata
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from django.utils.text import slugify

from media_library import limits
from media_library.kinds import FileType

# Other extensions of the same types.
_ALSO = {"jpg": ("jpeg",), "heic": ("heif",), "ogg": ("oga", "opus"), "mp4": ("m4v",)}


def clean(given: str) -> str:
    """`given` without anything that is not seen, at most MAX_NAME long."""
    name = unicodedata.normalize("NFC", given)
    # Category C: controls, and the marks that turn the reading direction round.
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip()
    suffix = PurePath(name).suffix[:16]
    return name if len(name) <= limits.MAX_NAME else name[: limits.MAX_NAME - len(suffix)] + suffix


def named(given: str, file_type: FileType) -> str:
    return clean(given) or f"{file_type.kind}.{file_type.extension}"


def of_address(url: str) -> str:
    """What people call a file that came from `url` and has no name: the last part of its path,
    else its host. Nothing of its query, which may hold what is nobody's business."""
    try:
        split = urlsplit(url)
    except ValueError:
        return ""
    last = unquote(split.path).rstrip("/").rpartition("/")[2]
    return clean(last) or split.hostname or ""


def renamed(name: str, before: FileType, after: FileType) -> str:
    """The name of a file whose bytes become `after`: its extension follows if it was theirs."""
    stem, dot, extension = name.rpartition(".")
    was_theirs = extension.lower() in {before.extension, *_ALSO.get(before.extension, ())}
    if before.extension == after.extension or not stem or not was_theirs:
        return name
    return clean(f"{stem}{dot}{after.extension}")


def to_save(name: str, file_type: FileType) -> str:
    """With the extension of what it is, whatever it calls itself."""
    return f"{PurePath(clean(name)).stem or file_type.kind}.{file_type.extension}"


def in_address(name: str, file_type: FileType) -> str:
    slug = slugify(PurePath(name).stem)[:60].strip("-_")
    return f"{slug or file_type.kind}.{file_type.extension}"
