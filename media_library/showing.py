"""How a media file is shown: a function of its row alone, so the JSON of a row is made once."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import F, TextField
from django.db.models.functions import Cast
from rest_framework.fields import DateTimeField
from rest_framework.renderers import JSONRenderer

from media_library.delivering import Source, deliverable
from media_library.kinds import FileType, as_kind
from media_library.models import MediaFile
from media_library.recipes import TO_LOOK_AT
from media_library.serving import address_of

# Rows of the last lists of a busy server; each takes about 2 KB.
_KEPT = 10_000
_OF_BLOB = frozenset(
    {"mime_type", "size", "width", "height", "duration", "sha256", "details", "made"}
)
_TIMES = frozenset({"created_at", "updated_at"})
# As text, so that a row can be a key.
_DOCUMENTS = frozenset({"details", "made"})
_TIME = DateTimeField()


class Row(NamedTuple):
    """What `COLUMNS` selects, in their order. The facts of bytes are None without them."""

    id: int
    status: str
    media_type: str
    name: str
    description: str
    caption: str
    folder_id: int | None
    source_url: str
    error_code: str
    error_message: str
    created_at: str
    updated_at: str
    mime_type: str | None
    size: int | None
    width: int | None
    height: int | None
    duration: float | None
    sha256: str | None
    details: str | None
    made: str | None


def _column(name: str) -> Any:
    """Times as text: reading one takes longer than all other columns together."""
    if name in _TIMES:
        return Cast(name, TextField())
    if name in _DOCUMENTS:
        return Cast(f"blob__{name}", TextField())
    return F(f"blob__{name}") if name in _OF_BLOB else F(name)


COLUMNS = tuple(map(_column, Row._fields))


def row_of(media_file: MediaFile) -> Row:
    return Row._make(_value(media_file, name) for name in Row._fields)


def _value(media_file: MediaFile, name: str) -> Any:
    if name in _DOCUMENTS:
        return json.dumps(getattr(media_file.blob, name)) if media_file.blob else None
    if name in _OF_BLOB:
        return getattr(media_file.blob, name, None)
    value = getattr(media_file, name)
    return str(value) if name in _TIMES else value


def as_json(rows: Iterable[Row]) -> list[bytes]:
    """The objects of the API, rendered."""
    signed = settings.PUBLIC_URL, settings.SECRET_KEY  # asking for one takes as long as a row
    return [_rendered(row, *signed) for row in rows]


@lru_cache(_KEPT)
def _rendered(row: Row, public_url: str, secret_key: str) -> bytes:
    """Addresses are signed, so what they are made of is part of what the JSON is kept under."""
    return bytes(JSONRenderer().render(as_object(Row._make(row))))


def as_object(row: Row) -> dict[str, Any]:
    """The object of the API."""
    file_type = as_kind(row.mime_type, row.media_type) if row.mime_type else None
    made = json.loads(row.made or "{}")
    error = {"code": row.error_code, "message": row.error_message}
    return {
        "id": row.id,
        "status": row.status,
        "media_type": row.media_type or None,
        "mime_type": file_type.mime_type if file_type else None,
        "name": row.name,
        "description": row.description,
        "caption": row.caption,
        "size": row.size,
        "width": row.width,
        "height": row.height,
        "duration": row.duration,
        "sha256": row.sha256,
        "url": address_of(row.id, row.name, file_type) if file_type else None,
        "thumbnail_url": _thumbnail_url(row, file_type, made),
        "folder_id": row.folder_id,
        "source_url": row.source_url or None,
        "error": error if row.error_code else None,
        "deliverable": _deliverable(row, made),
        "created_at": _shown(row.created_at),
        "updated_at": _shown(row.updated_at),
    }


def _thumbnail_url(row: Row, file_type: FileType | None, made: dict[str, Any]) -> str | None:
    recipe = TO_LOOK_AT.get(file_type.kind) if file_type else None
    if recipe is None or made.get(recipe.name, {}).get("status") != "ready":
        return None
    return address_of(row.id, row.name, recipe.file_type, recipe.name)


def _deliverable(row: Row, made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Nothing can be said of a file without bytes."""
    if row.mime_type is None or row.size is None:
        return {}
    details = json.loads(row.details or "{}")
    return deliverable(Source.of(row.media_type, row.mime_type, row.size, details), made)


def _shown(text: str) -> str:
    """A time as a database writes it: in UTC, which SQLite does not say."""
    moment = datetime.fromisoformat(text)
    return str(_TIME.to_representation(moment.replace(tzinfo=moment.tzinfo or UTC)))
