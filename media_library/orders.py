"""What is to be made of files, as rows. `ordering` is who places them and wakes a worker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from inro.common.inserting import insert_unless_there
from media_library.delivering import Source, wanted
from media_library.models import Blob, MediaFile, MediaStatus, Rendition

_BATCH = 500
# A literal: a bound parameter would keep SQLite from the partial index.
_UNORDERED = RawSQL("media_library_blob.unordered", (), output_field=BooleanField())


def source_of(blob: Blob, media_type: str) -> Source:
    return Source.of(media_type, blob.mime_type, blob.size, blob.details)


def rows_for(blob: Blob, media_type: str) -> list[Rendition]:
    """One for each form that such a file needs, none of them saved."""
    return [
        Rendition(
            workspace_id=blob.workspace_id,
            source=blob,
            recipe=recipe.name,
            due_at=timezone.now(),
        )
        for recipe in wanted(source_of(blob, media_type))
    ]


def place(blob: Blob, media_type: str) -> bool:
    """What a file of these bytes needs; whether any of it is new. The caller holds the blob."""
    placed = [
        insert_unless_there(row, ("source", "recipe"))
        for row in rows_for(blob, media_type)
        if row.recipe not in blob.made
    ]
    return any(placed)


def place_all(files: Iterable[tuple[Blob, str]]) -> int:
    """The same for many files, by bytes and `media_type`; how many rows that makes."""
    rows = {
        (blob.pk, row.recipe): row
        for blob, media_type in files
        for row in rows_for(blob, media_type)
    }
    there = Rendition.objects.filter(source__in={pk for pk, _ in rows})
    placed = set(there.values_list("source_id", "recipe"))
    missing = [row for key, row in rows.items() if key not in placed]
    Rendition.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def place_new() -> None:
    """What the files need whose requests left that to a worker: see `Blob.unordered`."""
    while _place_batch() == _BATCH:
        pass


def oldest_unordered() -> datetime | None:
    """Since when bytes have waited for `place_new`, if any do."""
    return _oldest().values_list("created_at", flat=True).first()


def remind(now: datetime, after: timedelta) -> bool:
    """Whether bytes have waited for so long, also since this was last so."""
    oldest = list(_oldest().values_list("pk", flat=True))
    rows = Blob.objects.filter(pk__in=oldest, unordered=True, updated_at__lte=now - after)
    return bool(rows.update(updated_at=now))


def _oldest() -> QuerySet[Blob]:
    return Blob.objects.filter(_UNORDERED).order_by("pk")[:1]


def _place_batch() -> int:
    with transaction.atomic():
        # Held first: what then names one of them is seen, and who comes to name it finds it done.
        # Those that somebody else holds are another's, who is at it, or come with the next wake-up.
        waiting = Blob.objects.filter(_UNORDERED).order_by("pk")
        free = waiting.select_for_update(no_key=True, skip_locked=True)[:_BATCH]
        blobs = {blob.pk: blob for blob in free}
        files = MediaFile.objects.filter(blob__in=blobs, status=MediaStatus.READY)
        kinds = files.order_by().values_list("blob_id", "media_type").distinct()
        place_all((blobs[blob_id], media_type) for blob_id, media_type in kinds)
        Blob.objects.filter(pk__in=blobs).update(unordered=False)
    return len(blobs)
