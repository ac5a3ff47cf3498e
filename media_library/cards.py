"""What the admin shows of a file: its picture, its facts, how it goes out on each channel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string

from inro.common.badges import SIGNS, Tone
from media_library.channel_rules import CHANNEL_RULES
from media_library.delivering import deliverable
from media_library.kinds import MediaKind
from media_library.models import MediaFile, MediaStatus
from media_library.orders import source_of
from media_library.recipes import FOR_CHANNELS, M4A, MP4, RECIPES, TO_LOOK_AT, Recipe
from media_library.serving import path_of
from media_library.usages import Usage, usages_of

# Images that every browser shows; of larger ones a wall would take too long.
SHOWN_AS_IS = {"image/jpeg", "image/png", "image/gif", "image/webp"}
MOST_SHOWN_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Way:
    """How a file goes out on a channel, or why it does not."""

    label: str
    short: str
    tone: Tone
    words: str

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


@dataclass(frozen=True)
class Card:
    """A file on the wall. `picture` is the path of what is shown of it, if there is anything."""

    media_file: MediaFile
    picture: str
    ways: list[Way]
    usages: list[Usage]

    @property
    def is_busy(self) -> bool:
        """Whether it will look different without anybody doing anything."""
        if self.media_file.status == MediaStatus.PENDING:
            return True
        return any(way.tone == Tone.BUSY for way in self.ways) or is_to_be_looked_at(
            self.media_file
        )

    @property
    def length(self) -> str:
        blob = self.media_file.blob
        return clock(blob.duration) if blob and blob.duration else ""

    @cached_property
    def html(self) -> str:
        return render_to_string("admin/media_library/mediafile/card.html", {"card": self})

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.html.encode()).hexdigest()[:12]


def cards_of(media_files: list[MediaFile]) -> list[Card]:
    usages = usages_of([each.pk for each in media_files])
    return [
        Card(each, picture_of(each), ways_of(each), usages.get(each.pk, [])) for each in media_files
    ]


def shown_path(media_file: MediaFile, recipe: Recipe | None = None) -> str:
    """`path_of`, another one after each change of the bytes: browsers keep what they have shown."""
    version = media_file.blob.sha256[:8] if media_file.blob else ""
    return f"{path_of(media_file, recipe)}?{version}"


def picture_of(media_file: MediaFile) -> str:
    """The path of what was made to look at, else of a picture that is small enough."""
    blob, recipe = media_file.blob, _to_look_at(media_file)
    if blob is None:
        return ""
    if recipe and _is_made(media_file, recipe):
        return shown_path(media_file, recipe)
    return shown_path(media_file) if _is_light(media_file) else ""


def _is_made(media_file: MediaFile, recipe: Recipe) -> bool:
    made = media_file.blob.made if media_file.blob else {}
    return bool(made.get(recipe.name, {}).get("status") == "ready")


def preview_of(media_file: MediaFile) -> str:
    """The path of the picture that stands for the file on its own page, where there is room."""
    return shown_path(media_file) if _is_light(media_file) else picture_of(media_file)


def played_path(media_file: MediaFile) -> str:
    """What a page plays: browsers know what was made for phones, and not all that phones make."""
    for recipe in FOR_CHANNELS.get(MediaKind(media_file.media_type), ()):
        if recipe in (MP4, M4A) and _is_made(media_file, recipe):
            return shown_path(media_file, recipe)
    return shown_path(media_file)


def is_to_be_looked_at(media_file: MediaFile) -> bool:
    """Whether what people look at has yet to be made."""
    blob, recipe = media_file.blob, _to_look_at(media_file)
    status = blob.made.get(recipe.name, {}).get("status") if blob and recipe else "ready"
    return status not in {"ready", "failed"}


def is_picture(media_file: MediaFile) -> bool:
    return bool(media_file.blob and media_file.blob.mime_type in SHOWN_AS_IS)


def ways_of(media_file: MediaFile) -> list[Way]:
    """One for each channel; none for a file without bytes, of which nothing can be said."""
    blob = media_file.blob
    if blob is None:
        return []
    found = deliverable(source_of(blob, media_file.media_type), blob.made)
    return [
        Way(rules.label, rules.short or rules.label, *_said(found[rules.kind]))
        for rules in CHANNEL_RULES
    ]


def facts_of(media_file: MediaFile) -> Iterator[tuple[str, str]]:
    """What is known of the bytes, in words."""
    blob, file_type = media_file.blob, media_file.file_type
    if blob is None or file_type is None:
        return
    know = blob.details
    yield "Kind", f"{media_file.media_type}, {file_type.mime_type}"
    yield "Size", filesizeformat(blob.size)
    if blob.width:
        yield "Pixels", f"{blob.width} × {blob.height}"
    if blob.duration:
        yield "Length", f"{clock(blob.duration)} ({blob.duration:.1f} s)"
    for key, title in (("video_codec", "Pictures"), ("audio_codec", "Sound")):
        if know.get(key):
            yield title, know[key].upper()
    if know.get("pages"):
        yield "Pages", f"{know['pages']:,}"
    if know.get("stripped"):
        yield "Left out", "What could give away where and by whom it was made"


def clock(seconds: float) -> str:
    """`1:05`, `1:00:00`."""
    whole = max(round(seconds), 1)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _said(found: Mapping[str, Any]) -> tuple[Tone, str]:
    reason, recipe = found["reason"], found["rendition"]
    if reason:
        return Tone.BUSY if found["ok"] else Tone.BAD, reason
    return Tone.GOOD, f"Goes out as {RECIPES[recipe].noun}." if recipe else "Goes out as it is."


def _to_look_at(media_file: MediaFile) -> Recipe | None:
    return next(
        (recipe for kind, recipe in TO_LOOK_AT.items() if kind == media_file.media_type), None
    )


def _is_light(media_file: MediaFile) -> bool:
    blob = media_file.blob
    return is_picture(media_file) and blob is not None and blob.size <= MOST_SHOWN_BYTES
