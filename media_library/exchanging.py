"""Other bytes for everything that names a blob: files keep their ids, addresses and renditions."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from media_library.content import Content
from media_library.holding import hold_blobs, release_blobs
from media_library.models import Blob, Fetch, MediaFile, Rendition, RenditionStatus
from media_library.ordering import order
from media_library.renditions import sum_up
from media_library.storage import deposited

# Very many files may share bytes.
_BATCH = 500


def exchange(old: Blob, content: Content) -> None:
    """Let what names `old` name the bytes of `content` instead, and let go of `old`.

    For bytes that look and sound the same: what was made of them goes on to serve. Interrupted, or
    done twice at once, it goes on where it was. What came to name `old` meanwhile keeps it. Raises
    Refused (`storage_unavailable`).
    """
    release_blobs([old.pk])  # what nothing names needs no others
    if not Blob.objects.filter(pk=old.pk).exists():
        return
    made = Rendition.objects.filter(blob=old).exclude(source=old).order_by("pk")
    for rendition_id, source_id in made.values_list("pk", "source_id"):
        _hand_result(old, content, rendition_id, source_id)
    while _hand_files(old, content):
        pass
    release_blobs([old.pk])


def _hand_result(old: Blob, content: Content, rendition_id: int, source_id: int) -> None:
    """What was made of other bytes, and came out as these."""
    with deposited(old.workspace, content) as deposit, transaction.atomic():
        new = hold_blobs([deposit], [old.pk, source_id])[content.sha256]
        mine = Rendition.objects.filter(pk=rendition_id, source=source_id, blob=old)
        if mine.update(blob=new, updated_at=timezone.now()):
            sum_up(source_id)
        else:
            transaction.set_rollback(True)  # with the bytes that nothing came to name


def _hand_files(old: Blob, content: Content) -> bool:
    """Some of its files, its downloads, and what was made of it; whether there were any."""
    with deposited(old.workspace, content) as deposit, transaction.atomic():
        fetches = Fetch.objects.filter(blob=old).order_by("pk").select_for_update()
        fetch_ids = list(fetches.values_list("pk", flat=True))
        files = MediaFile.objects.filter(blob=old).order_by("pk").select_for_update(no_key=True)
        kinds = dict(files.values_list("pk", "media_type")[:_BATCH])
        if not fetch_ids and not kinds:
            return False
        new = hold_blobs([deposit], [old.pk])[content.sha256]
        Fetch.objects.filter(pk__in=fetch_ids).update(blob=new)
        MediaFile.objects.filter(pk__in=kinds).update(blob=new, updated_at=timezone.now())
        _hand_renditions(old, new)
        new.refresh_from_db()
        for kind in sorted(set(kinds.values())):
            order(new, kind)
    return True


def _hand_renditions(old: Blob, new: Blob) -> None:
    """Those that the new bytes do not have. Whoever makes one of the old bytes has lost it."""
    there = Rendition.objects.filter(source=new).values("recipe")
    lacking = Rendition.objects.filter(source=old).exclude(recipe__in=there).order_by("pk")
    ids = list(lacking.select_for_update().values_list("pk", flat=True))
    rows, now = Rendition.objects.filter(pk__in=ids), timezone.now()
    rows.filter(blob=old).update(blob=new)
    rows.filter(status=RenditionStatus.RUNNING).update(
        status=RenditionStatus.QUEUED, turn=F("turn") + 1, lease_until=None, due_at=now, progress=0
    )
    rows.update(source=new, updated_at=now)
    sum_up(new.pk)
