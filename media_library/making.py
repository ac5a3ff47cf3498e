"""A worker's side of a rendition: claim the row, fetch the bytes, transcode, judge, store."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from inro.common import claims
from inro.common.errors import Refused
from media_library import limits, renditions
from media_library.content import Content, examine
from media_library.holding import hold_blobs
from media_library.models import Rendition, RenditionStatus
from media_library.recipes import MP4, RECIPES, Recipe
from media_library.storage import deposited, open_blob
from media_library.transcoding import Cancelled, Job, TranscodingFailed, transcode

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
BACK_OFF = (timedelta(seconds=5), timedelta(minutes=1))
# `cancelled` is asked about once a second.
LEASE = timedelta(seconds=30)
RENEW_EVERY = 5.0
PROGRESS_EVERY = 1.0
# Judging and storing cannot renew.
STORING_LEASE = timedelta(minutes=2)
# Then the task ends, and another goes on: a worker that stops waits for its tasks.
WORK_FOR = 20.0
_CHUNK_BYTES = 256 * 1024


def make_due() -> bool:
    """Make what is due, one after the other, unless enough others of this process are at it.

    True when time was over before the work.
    """
    until = time.monotonic() + WORK_FOR
    places, heavy = _places()
    with places.one() as is_free:
        while is_free:
            with heavy.one() as may_be_heavy:
                pk = _next(may_be_heavy)
                if pk is None:
                    break
                if time.monotonic() > until:
                    return True
                run(pk)
    return False


def _next(may_be_heavy: bool) -> int | None:
    rows = renditions.due(timezone.now())
    if not may_be_heavy:
        rows = rows.exclude(recipe=MP4.name)
    return rows.values_list("pk", flat=True).first()


def run(rendition_id: int) -> None:
    """Make one attempt, if the row is due and free."""
    hold = _Hold.take(rendition_id)
    if hold is None:
        return
    try:
        if hold.rendition.attempts > MAX_ATTEMPTS:
            raise TranscodingFailed("rendition_failed", "It broke off again and again.")
        _make(hold)
    except Cancelled:
        return
    except TranscodingFailed as error:
        _fail(hold, error)
    except FileNotFoundError:
        _fail(hold, TranscodingFailed("rendition_failed", "The stored file is missing."))
    except Refused as refused:
        again = refused.code == "storage_unavailable"
        _fail(hold, TranscodingFailed(refused.code, refused.message, retryable=again))
    except Exception:
        log.exception("rendition failed", rendition=rendition_id)
        words = "Something went wrong on our side."
        _fail(hold, TranscodingFailed("rendition_failed", words, retryable=True))


class _Hold:
    """One worker's claim on a rendition. When it is lost, so is the right to write anything."""

    def __init__(self, rendition: Rendition) -> None:
        self.rendition = rendition
        self._renewed = self._shown = time.monotonic()

    @classmethod
    def take(cls, rendition_id: int) -> _Hold | None:
        now = timezone.now()
        changes = {
            "status": RenditionStatus.RUNNING,
            "attempts": F("attempts") + 1,
            "progress": 0,
            "updated_at": now,
        }
        try:
            turn = claims.claim(renditions.due(now).order_by(), rendition_id, LEASE, now, **changes)
        except Rendition.DoesNotExist:  # let go a moment ago
            return None
        if turn is None:
            return None
        rows = Rendition.objects.select_related("workspace", "source")
        rendition = rows.filter(pk=rendition_id, turn=turn).first()
        return cls(rendition) if rendition else None

    @property
    def rows(self) -> QuerySet[Rendition]:
        return Rendition.objects.filter(
            pk=self.rendition.pk, turn=self.rendition.turn, status=RenditionStatus.RUNNING
        )

    def renew(self, lease: timedelta = LEASE) -> bool:
        """False when the row was let go or has gone to another worker."""
        self._renewed = time.monotonic()
        return bool(self.rows.update(lease_until=timezone.now() + lease))

    def cancelled(self) -> bool:
        return time.monotonic() - self._renewed > RENEW_EVERY and not self.renew()

    def progress(self, percent: int) -> None:
        if time.monotonic() - self._shown >= PROGRESS_EVERY:
            self._shown = time.monotonic()
            self.write(progress=min(max(percent, 0), 99))

    def write(self, **changes: object) -> bool:
        """Change the row and what `Blob.made` says of it; False when the hold is lost."""
        source_id = self.rendition.source_id
        with transaction.atomic():
            if not renditions.hold(source_id):
                return False
            written = self.rows.update(updated_at=timezone.now(), **changes)
            if written:
                renditions.sum_up(source_id)
        return bool(written)


def _make(hold: _Hold) -> None:
    source, recipe = hold.rendition.source, RECIPES[hold.rendition.recipe]
    job = Job(recipe.form, recipe.max_bytes, source.mime_type)
    with _temporary_path() as original, _temporary_path() as target:
        _download(hold, original)
        transcode(original, target, job, progress=hold.progress, cancelled=hold.cancelled)
        if not hold.renew(STORING_LEASE):
            raise Cancelled
        with target.open("rb") as file:
            content = _judged(File(file), recipe)
            _store(hold, content)


def _download(hold: _Hold, path: Path) -> None:
    with open_blob(hold.rendition.source) as stored, path.open("wb") as file:
        while chunk := stored.read(_CHUNK_BYTES):
            if hold.cancelled():
                raise Cancelled
            file.write(chunk)


def _judged(file: File, recipe: Recipe) -> Content:
    """What came out, by the library's own rules: a transcoder is not believed either."""
    content = examine(file, recipe.mime_type)
    if content.file_type != recipe.file_type or content.size > recipe.max_bytes:
        log.error("rendition is not what it should be", recipe=recipe.name, size=content.size)
        raise TranscodingFailed("rendition_failed", f"The result is not {recipe.noun}.")
    return content


def _store(hold: _Hold, content: Content) -> None:
    rendition = hold.rendition
    with deposited(rendition.workspace, content) as deposit, transaction.atomic():
        blobs = hold_blobs([deposit], [rendition.source_id])
        blob = blobs[content.sha256]
        if not hold.write(status=RenditionStatus.READY, progress=100, lease_until=None, blob=blob):
            transaction.set_rollback(True)  # with the bytes that nobody wants any more


def _fail(hold: _Hold, error: TranscodingFailed) -> None:
    attempts = hold.rendition.attempts
    if error.retryable and attempts < MAX_ATTEMPTS:
        due_at = timezone.now() + BACK_OFF[attempts - 1]
        queued = RenditionStatus.QUEUED
        hold.write(status=queued, due_at=due_at, lease_until=None, progress=0)
        return
    hold.write(
        status=RenditionStatus.FAILED,
        lease_until=None,
        error_code=error.code[:60],
        error_message=error.message[: limits.MAX_ERROR],
    )


@contextmanager
def _temporary_path() -> Iterator[Path]:
    """A file to be named to another process. What a kill leaves of it, the sweep removes."""
    handle, name = tempfile.mkstemp(prefix="rendition-", dir=settings.TEMP_DIR)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


class _Places:
    """So many may work at once."""

    def __init__(self, number: int) -> None:
        self._free = threading.BoundedSemaphore(number)

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Take a place for the block; False when all are taken."""
        taken = self._free.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._free.release()


@cache
def _places() -> tuple[_Places, _Places]:
    """This process's, so that downloads find a thread; and those of them for videos.

    Videos take minutes: where there is more than one place, they leave one to everything else.
    """
    number = settings.RENDITIONS_AT_ONCE
    return _Places(number), _Places(max(1, number - 1))
