"""The public address of a file, and which part of it a request asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse

from inro.common.signing import sign, unsign
from media_library import naming
from media_library.kinds import FileType
from media_library.models import Blob, MediaFile, MediaStatus, Rendition, RenditionStatus
from media_library.recipes import RECIPES, Recipe

_PURPOSE = "media"
_END_OF_SIGNED = re.compile("[/?#]")
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


def url_of(media_file: MediaFile) -> str:
    """Where anybody who is given it may fetch the file. It has to be ready."""
    return f"{settings.PUBLIC_URL}{path_of(media_file)}"


def path_of(media_file: MediaFile, recipe: Recipe | None = None) -> str:
    """The same for pages of our own, under whatever name they are reached; or of a rendition."""
    if media_file.file_type is None:
        raise ValueError(f"Media file {media_file.pk} has no bytes yet.")
    if recipe is not None:
        return _path(media_file.pk, media_file.name, recipe.file_type, recipe.name)
    return _path(media_file.pk, media_file.name, media_file.file_type)


def address_of(pk: int, name: str, file_type: FileType, recipe: str = "") -> str:
    """Like `url_of`, of a ready file's id, name and type; or of what `recipe` made of it."""
    return f"{settings.PUBLIC_URL}{_path(pk, name, file_type, recipe)}"


def _path(pk: int, name: str, file_type: FileType, recipe: str = "") -> str:
    signed = sign(f"{pk}.{recipe}" if recipe else str(pk), _PURPOSE)
    return reverse("media", args=[signed, naming.in_address(name, file_type)])


class Served(NamedTuple):
    """A file that is ready; `blob` and `file_type` are those of what was made of it, if asked."""

    media_file: MediaFile
    blob: Blob
    file_type: FileType


def find(signed: str) -> Served | None:
    """The ready file whose signature this is, or what was made of it."""
    pk, _, recipe = (unsign(signed, _PURPOSE) or "").partition(".")
    ready = MediaFile.objects.select_related("blob").filter(status=MediaStatus.READY)
    found = ready.filter(pk=pk).first() if pk else None
    if found is None or found.blob is None or found.file_type is None:
        return None
    return _rendition(found, recipe) if recipe else Served(found, found.blob, found.file_type)


def _rendition(media_file: MediaFile, recipe: str) -> Served | None:
    """It goes with its file: a link to it opens nothing once that is deleted."""
    ready = Rendition.objects.select_related("blob").filter(status=RenditionStatus.READY)
    found = ready.filter(source=media_file.blob, recipe=recipe).first()
    if found is None or found.blob is None or recipe not in RECIPES:
        return None
    return Served(media_file, found.blob, RECIPES[recipe].file_type)


def find_by_url(url: str) -> Served | None:
    """The ready file of any workspace that `url` is the address of; None for other addresses."""
    start = f"{settings.PUBLIC_URL}/media/"
    if not url.startswith(start):
        return None
    return find(_END_OF_SIGNED.split(url[len(start) :], maxsplit=1)[0])


class Part(NamedTuple):
    start: int
    length: int


class NotSatisfiableError(Exception):
    """The range lies outside the file."""


def read_range(header: str, size: int) -> Part | None:
    """The one part that a `Range` header asks for; None means the whole file.

    A header that is malformed, or asks for several parts, asks for the whole (RFC 9110, 14.2).
    """
    match = _RANGE.fullmatch(header.strip())
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(size - int(match[2]), 0), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise NotSatisfiableError
    return Part(start, end - start + 1)
