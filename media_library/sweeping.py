"""What is left behind: by workers, requests and wake-ups that died, and by older versions."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from inro.common.waking import wake
from media_library import examining, orders
from media_library.holding import release_blobs
from media_library.models import Fetch, FetchStatus, Rendition
from media_library.rendition_tasks import make_renditions
from media_library.renditions import due
from media_library.tasks import examine_stored, run_fetch

log = structlog.get_logger(__name__)

# A row whose wake-up waits behind others in the queue must not be given a new one every tick.
WAKE_AGAIN_AFTER = timedelta(seconds=15)
FORGET_AFTER = timedelta(minutes=10)
TEMPORARY_FOR = timedelta(hours=1)
_BATCH = 200


def sweep(now: datetime) -> int:
    _remove_stale_files(now)
    return _wake_due(now) + _forget_unclaimed(now)


def sweep_renditions(now: datetime) -> int:
    """Wake one worker: it takes all there is, one after the other."""
    rows = due(now).filter(updated_at__lte=now - WAKE_AGAIN_AFTER)
    found = list(rows.values_list("pk", flat=True)[:1])
    Rendition.objects.filter(pk__in=found).update(updated_at=now)
    unordered = orders.remind(now, WAKE_AGAIN_AFTER)
    if found or unordered:
        wake(make_renditions)
    return len(found) + unordered


def sweep_examinations(now: datetime) -> int:
    """Wake one worker, unless one is at it: what an older version stored is in no hurry."""
    if not examining.take_due(now):
        return 0
    wake(examine_stored)
    return 1


def discard(fetch_ids: Iterable[int]) -> int:
    """Remove downloads that no media file came of, and the bytes nobody else refers to.

    A worker that is still at one finds its row gone and stores nothing.
    """
    with transaction.atomic():
        unclaimed = Fetch.objects.filter(pk__in=fetch_ids, media_file=None)
        rows = dict(unclaimed.select_for_update().order_by("pk").values_list("pk", "blob_id"))
        Fetch.objects.filter(pk__in=rows).delete()
        release_blobs({found for found in rows.values() if found is not None})
    return len(rows)


def _wake_due(now: datetime) -> int:
    queued = Q(status=FetchStatus.QUEUED, due_at__lte=now)
    left_alone = Q(status=FetchStatus.RUNNING, lease_until__lt=now)
    rows = Fetch.objects.filter(queued | left_alone, updated_at__lte=now - WAKE_AGAIN_AFTER)
    oldest = list(rows.order_by("due_at").values_list("pk", flat=True)[:_BATCH])
    with transaction.atomic():
        # As a request locks those of its own.
        mine = rows.filter(pk__in=oldest).order_by("pk").select_for_update()
        found = list(mine.values_list("pk", flat=True))
        Fetch.objects.filter(pk__in=found).update(updated_at=now)
    for pk in found:
        wake(run_fetch, pk)
    return len(found)


def _forget_unclaimed(now: datetime) -> int:
    settled = (FetchStatus.FETCHED, FetchStatus.FAILED)
    rows = Fetch.objects.filter(
        status__in=settled, media_file=None, updated_at__lte=now - FORGET_AFTER
    )
    return discard(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])


def _remove_stale_files(now: datetime) -> None:
    """Uploads and renditions whose process was killed while it received or made them."""
    before = (now - TEMPORARY_FOR).timestamp()
    for path in Path(settings.TEMP_DIR).glob("*"):
        try:
            if path.lstat().st_mtime >= before:
                continue
            if path.is_file():
                path.unlink()
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
        except OSError as error:
            log.warning("temporary file could not be removed", error=error.strerror)
