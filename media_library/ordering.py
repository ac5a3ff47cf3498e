"""Letting renditions be made: with each file, ahead of need, and for files of older versions."""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inro.common.waking import wake
from media_library import orders
from media_library.holding import hold_blobs, release_blobs
from media_library.models import Blob, MediaFile, MediaStatus, Rendition, RenditionStatus
from media_library.rendition_tasks import make_renditions
from media_library.renditions import held, sum_up
from media_library.storage import is_stored

# Files that come together are taken up together: a wake-up covers all that is committed until it
# arrives.
WAKE_AFTER = 0.5
_covered_until = float("-inf")
_BATCH = 500


def order(blob: Blob, media_type: str) -> None:
    """Let be made what a file of these bytes needs. The caller's transaction holds the blob."""
    if orders.place(blob, media_type):
        announce()


def order_soon(blob: Blob, media_type: str) -> None:
    """The same, for a file whose row the caller's transaction makes: who sent it waits less."""
    if blob.unordered:
        announce()
    else:
        order(blob, media_type)


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
        there = ((blobs[blob_id], kind) for _, blob_id, kind in files if blob_id in blobs)
        placed = orders.place_all(there)
        if placed:
            announce()
    return files[-1][0], placed


def order_failed_again(source: Blob | None = None) -> int:
    """Give what failed, of one source or of all, another chance; how many."""
    failed = Rendition.objects.filter(status=RenditionStatus.FAILED).order_by("pk")
    if source is not None:
        failed = failed.filter(source=source)
    after, ordered = 0, 0
    while page := list(failed.filter(pk__gt=after)[:_BATCH]):
        ordered += sum(_order_again(failed, row) for row in page)
        after = page[-1].pk
    if ordered:
        announce()
    return ordered


def order_lost_again(after: int) -> tuple[int | None, int]:
    """Of the next renditions by id, let those be made again whose stored file is gone.

    The last one's id, if there is one, and how many. Raises Refused when the storage cannot tell.
    """
    ready = Rendition.objects.filter(status=RenditionStatus.READY).order_by("pk")
    page = list(ready.filter(pk__gt=after).select_related("blob")[:_BATCH])
    lost = sum(_order_if_lost(row, row.blob) for row in page if row.blob)
    if lost:
        announce()
    return (page[-1].pk if page else None), lost


def order_again_of(lost: Blob) -> None:
    """Let be made again what came out as these bytes, whose stored file is gone."""
    ready = Rendition.objects.filter(status=RenditionStatus.READY)
    if sum(_order_again(ready, row) for row in ready.filter(blob=lost).order_by("pk")):
        announce()


def _order_if_lost(rendition: Rendition, result: Blob) -> bool:
    if is_stored(result.storage_name):
        return False
    # The same bytes, given again, may have come to another file meanwhile.
    same = Rendition.objects.filter(
        status=RenditionStatus.READY, blob__storage_name=result.storage_name
    )
    return _order_again(same, rendition)


def _order_again(among: QuerySet[Rendition], rendition: Rendition) -> bool:
    """Whether it was still one of `among`; then what there was of it is let go."""
    result = [rendition.blob_id] if rendition.blob_id is not None else []
    with transaction.atomic():
        here = hold_blobs(others=[rendition.source_id], letting_go=result)
        if rendition.source_id not in {blob.pk for blob in here.values()}:
            return False
        ordered = among.filter(pk=rendition.pk, blob=rendition.blob_id).update(
            status=RenditionStatus.QUEUED,
            blob=None,
            due_at=timezone.now(),
            attempts=0,
            progress=0,
            error_code="",
            error_message="",
            updated_at=timezone.now(),
        )
        if ordered:
            sum_up(rendition.source_id)
            release_blobs(result)
    return bool(ordered)


def announce() -> None:
    """Wake a worker once the transaction has committed, unless one is about to look anyway."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    global _covered_until
    now = time.monotonic()
    if now >= _covered_until:
        _covered_until = now + WAKE_AFTER
        wake(make_renditions, after=WAKE_AFTER)
