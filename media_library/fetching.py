"""A worker's side of a download: claim the row, fetch, judge, store, hand over."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from inro.common import claims, http
from inro.common.errors import Refused
from media_library import limits, naming, ordering
from media_library.content import Content, examine, temporary_file
from media_library.duplicates import found_instead
from media_library.models import Blob, Fetch, FetchStatus, MediaFile, MediaStatus
from media_library.references import OnDuplicate
from media_library.storage import deposited

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
# Short enough that a request which waits hears of the last attempt.
BACK_OFF = (0.5, 2.0)
# Between two looks at `cancelled` a connection may open or an answer be awaited, 10 s at most.
LEASE = timedelta(seconds=15)
RENEW_EVERY = 4.0
# Judging and storing cannot renew; the largest file must be done by then.
STORING_LEASE = timedelta(minutes=2)


def run(fetch_id: int) -> float | None:
    """Make one attempt, if the row is due and free; the seconds until the next, if there is one."""
    hold = _Hold.take(fetch_id)
    if hold is None:
        return None
    try:
        if hold.fetch.attempts > MAX_ATTEMPTS:
            raise http.FetchRefused("download_failed", "The download broke off again and again.")
        _download(hold)
        return None
    except http.FetchRefused as error:
        refused, retryable = Refused(error.code, error.message), error.retryable
    except Refused as error:
        refused, retryable = error, error.code == "storage_unavailable"
    except Exception:
        log.exception("download failed", fetch=fetch_id)
        refused, retryable = Refused("download_failed", "The download failed on our side."), True
    return _fail(hold, refused, retryable)


class _Hold:
    """One worker's claim on a fetch. When it is lost, so is the right to write anything."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch
        self._renewed = time.monotonic()

    @classmethod
    def take(cls, fetch_id: int) -> _Hold | None:
        now = timezone.now()
        due = Fetch.objects.filter(
            status__in=(FetchStatus.QUEUED, FetchStatus.RUNNING), due_at__lte=now
        )
        changes = {"status": FetchStatus.RUNNING, "attempts": F("attempts") + 1, "updated_at": now}
        try:
            turn = claims.claim(due, fetch_id, LEASE, now, **changes)
        except Fetch.DoesNotExist:  # abandoned a moment ago
            return None
        if turn is None:
            return None
        fetch = Fetch.objects.select_related("workspace").filter(pk=fetch_id, turn=turn).first()
        return cls(fetch) if fetch else None

    @property
    def rows(self) -> QuerySet[Fetch]:
        return Fetch.objects.filter(
            pk=self.fetch.pk, turn=self.fetch.turn, status=FetchStatus.RUNNING
        )

    def renew(self, lease: timedelta = LEASE) -> bool:
        """False when the row was abandoned or has gone to another worker."""
        self._renewed = time.monotonic()
        return bool(self.rows.update(lease_until=timezone.now() + lease))

    def cancelled(self) -> bool:
        return time.monotonic() - self._renewed > RENEW_EVERY and not self.renew()


def _download(hold: _Hold) -> None:
    with temporary_file() as file:
        fetched = http.fetch(
            hold.fetch.url,
            file.file,  # type: ignore[arg-type]
            max_bytes=settings.MEDIA_MAX_BYTES,
            total_timeout=settings.MEDIA_DOWNLOAD_TIMEOUT,
            cancelled=hold.cancelled,
        )
        file.flush()
        if not hold.renew(STORING_LEASE):
            return
        content = examine(file, fetched.content_type)
        with deposited(hold.fetch.workspace, content) as deposit, transaction.atomic():
            fetch = hold.rows.select_for_update().first()
            if fetch is not None:
                # Before the bytes, as whoever names it locks the two.
                files = MediaFile.objects.filter(fetch=fetch)
                media_file = files.select_for_update(of=("self",), no_key=True).first()
                _hand_over(fetch, media_file, deposit.blob(), content, fetched.filename or "")


def _hand_over(
    fetch: Fetch, media_file: MediaFile | None, blob: Blob, content: Content, filename: str
) -> None:
    """To the media file that the request left behind, else to the request that still waits."""
    kind, name = content.file_type.kind, naming.named(filename, content.file_type)
    ordering.order(blob, kind)
    if media_file is None:
        fetch.status, fetch.blob = FetchStatus.FETCHED, blob
        fetch.media_type, fetch.name = kind, name
        fetch.save()
        return
    try:
        found_instead(blob, OnDuplicate.ERROR if fetch.refuse_duplicate else OnDuplicate.REUSE)
    except Refused as refused:
        _fail_file(fetch, refused)
        return
    media_file.status, media_file.blob, media_file.media_type = MediaStatus.READY, blob, kind
    media_file.name = media_file.name or name
    media_file.save(update_fields=["status", "blob", "media_type", "name"])
    fetch.delete()


def _fail(hold: _Hold, refused: Refused, retryable: bool) -> float | None:
    now = timezone.now()
    if retryable and hold.fetch.attempts < MAX_ATTEMPTS:
        return _retry_later(hold, now)
    with transaction.atomic():
        fetch = hold.rows.select_for_update().first()
        if fetch is None:
            return None
        if fetch.media_file_id is None:
            fetch.status = FetchStatus.FAILED
            fetch.error_code = refused.code
            fetch.error_message = refused.message[: limits.MAX_ERROR]
            fetch.save()
            return None
        _fail_file(fetch, refused)
    return None


def _fail_file(fetch: Fetch, refused: Refused) -> None:
    MediaFile.objects.filter(fetch=fetch).update(
        status=MediaStatus.FAILED,
        error_code=refused.code,
        error_message=refused.message[: limits.MAX_ERROR],
        updated_at=timezone.now(),
    )
    fetch.delete()


def _retry_later(hold: _Hold, now: datetime) -> float | None:
    pause = BACK_OFF[hold.fetch.attempts - 1]
    queued = hold.rows.update(
        status=FetchStatus.QUEUED,
        due_at=now + timedelta(seconds=pause),
        lease_until=None,
        updated_at=now,
    )
    return pause if queued else None
