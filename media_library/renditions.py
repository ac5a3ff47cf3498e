"""Other forms of files as rows: ordered in `ordering`, made in `making`.

`Blob.made` is what has become of them, worked out of the rows under the blob's lock. By recipe:
`{"status": "ready", "size": bytes}`, `{"status": "running", "progress": percent}` or
`{"status": "failed", "message": …}`; what is not begun is missing. Locks are taken in the order
bytes, rendition: a result that is stored is held together with its source.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from media_library.models import Blob, Rendition, RenditionStatus


def hold(source_id: int) -> bool:
    """Lock the source's row, against deletion and against others who sum up; False if it is gone.

    Rows may still be made that refer to it.
    """
    return bool(held([source_id]))


def sum_up(source_id: int) -> None:
    """Write `Blob.made` anew. The caller holds the source."""
    rows = Rendition.objects.filter(source=source_id).select_related("blob").order_by("recipe")
    made = {row.recipe: entry for row in rows if (entry := _entry(row))}
    Blob.objects.filter(pk=source_id).update(made=made)


def due(now: datetime) -> QuerySet[Rendition]:
    """What a worker may take, the oldest first."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return Rendition.objects.filter(_OPEN, free, due_at__lte=now).order_by("due_at", "pk")


# A literal: a bound parameter would keep SQLite from the partial index.
_OPEN: Any = RawSQL(
    "media_library_rendition.status IN ('queued', 'running')", (), output_field=BooleanField()
)


def held(ids: Iterable[int]) -> list[Blob]:
    """The sources of these ids, locked as by `hold`, in the order of `media_library.holding`."""
    rows = Blob.objects.filter(pk__in=ids).order_by("sha256", "pk")
    return list(rows.select_for_update(no_key=True))


def _entry(row: Rendition) -> dict[str, Any] | None:
    if row.status == RenditionStatus.READY and row.blob:
        return {"status": "ready", "size": row.blob.size}
    if row.status == RenditionStatus.FAILED:
        return {"status": "failed", "message": row.error_message}
    if row.status == RenditionStatus.RUNNING and row.progress:
        return {"status": "running", "progress": row.progress}
    return None
