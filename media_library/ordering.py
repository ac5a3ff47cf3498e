"""Letting renditions be made: with each file, ahead of need, and for files of older versions."""

from __future__ import annotations

import time

from django.db import transaction
from django.utils import timezone

from inro.common.inserting import insert_unless_there
from inro.common.waking import wake
from media_library.delivering import Source, wanted
from media_library.models import Blob, MediaFile, MediaStatus, Rendition, RenditionStatus
from media_library.recipes import Recipe
from media_library.rendition_tasks import make_renditions
from media_library.renditions import held, hold, sum_up

# Files that come together are taken up together: a wake-up covers all that is committed until it
# arrives.
WAKE_AFTER = 0.5
_covered_until = float("-inf")
_BATCH = 500


def order(blob: Blob, media_type: str) -> None:
    """Let be made what a file of these bytes needs. The caller's transaction holds the blob."""
    ordered = [
        insert_unless_there(_row(blob, recipe), ("source", "recipe"))
        for recipe in wanted(source_of(blob, media_type))
        if recipe.name not in blob.made
    ]
    if any(ordered):
        announce()


def order_for(media_file_id: int) -> None:
    """The same for a file that may have been stored before there were renditions."""
    ready = MediaFile.objects.filter(pk=media_file_id, status=MediaStatus.READY)
    with transaction.atomic():
        for blob_id, media_type in ready.values_list("blob_id", "media_type"):
            for blob in held([blob_id]):
                order(blob, media_type)


def order_missing(after: int) -> tuple[int | None, int]:
    """`order_for` of the next files by id: the last one's id, if there is one, and how many rows.

    One batch, in a transaction of its own.
    """
    ready = MediaFile.objects.filter(status=MediaStatus.READY, pk__gt=after).order_by("pk")
    files = list(ready.values_list("pk", "blob_id", "media_type")[:_BATCH])
    if not files:
        return None, 0
    with transaction.atomic():
        blobs = {blob.pk: blob for blob in held({blob_id for _, blob_id, _ in files})}
        there = set(Rendition.objects.filter(source__in=blobs).values_list("source_id", "recipe"))
        rows = {
            (blob_id, recipe.name): _row(blobs[blob_id], recipe)
            for _, blob_id, media_type in files
            if blob_id in blobs
            for recipe in wanted(source_of(blobs[blob_id], media_type))
        }
        missing = [row for key, row in rows.items() if key not in there]
        Rendition.objects.bulk_create(missing, ignore_conflicts=True)
        if missing:
            announce()
    return files[-1][0], len(missing)


def order_failed_again(source: Blob | None = None) -> int:
    """Give what failed, of one source or of all, another chance; how many."""
    failed = Rendition.objects.filter(status=RenditionStatus.FAILED).order_by("pk")
    if source is not None:
        failed = failed.filter(source=source)
    found = list(failed.values_list("pk", "source_id"))
    for pk, source_id in found:
        with transaction.atomic():
            if hold(source_id):
                failed.filter(pk=pk).update(
                    status=RenditionStatus.QUEUED,
                    due_at=timezone.now(),
                    attempts=0,
                    progress=0,
                    error_code="",
                    error_message="",
                    updated_at=timezone.now(),
                )
                sum_up(source_id)
    if found:
        announce()
    return len(found)


def announce() -> None:
    """Wake a worker once the transaction has committed, unless one is about to look anyway."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    global _covered_until
    now = time.monotonic()
    if now >= _covered_until:
        _covered_until = now + WAKE_AFTER
        wake(make_renditions, after=WAKE_AFTER)


def source_of(blob: Blob, media_type: str) -> Source:
    return Source.of(media_type, blob.mime_type, blob.size, blob.details)


def _row(blob: Blob, recipe: Recipe) -> Rendition:
    return Rendition(
        workspace_id=blob.workspace_id, source=blob, recipe=recipe.name, due_at=timezone.now()
    )
