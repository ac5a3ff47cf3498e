"""Stored files looked at by today's rules: what an older version stored, or what the rules changed.

`Blob.examined` says which are due. Facts are read from the bytes, and bytes that give a person away
are exchanged for what is left without that. What today's rules refuse stays as it is, and is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from django.core.files import File
from django.db import DatabaseError, transaction
from django.db.models import BooleanField, F, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from inro.common.diagnosing import Finding, ok, warning
from inro.common.errors import Refused
from inro.common.models import Heartbeat
from media_library.content import Content, copied, examine, measured
from media_library.exchanging import exchange
from media_library.kinds import TYPES
from media_library.models import Blob, Examination, MediaFile
from media_library.ordering import order, order_again_of
from media_library.renditions import held
from media_library.storage import known_of, open_blob

log = structlog.get_logger(__name__)

# Then the task ends, and another goes on: a worker that stops waits for its tasks.
WORK_FOR = 20.0
# Work that has not gone on for so long has died, or its storage does not answer.
LEASE = timedelta(minutes=2)
# A file that ends the process that looks at it must not hold up all others.
MAX_LOST = 3
_BEAT = "examine stored files"
_LOST = "Looking at it ended the worker, again and again."
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_PAGE = 100
_COMMAND = ".venv/bin/python manage.py examine_media"


class Outcome(StrEnum):
    EXAMINED = "examined"
    STRIPPED = "stripped"
    REFUSED = "refused"
    MISSING = "missing"
    GONE = "gone"  # let go by somebody else meanwhile


@dataclass(frozen=True)
class Examined:
    """`reason` is why it was refused or is missing, in words."""

    blob_id: int
    outcome: Outcome
    reason: str = ""


def examine_all() -> Iterator[Examined]:
    """Look at all that is not done, also at what was refused or missing before.

    Last, at what workers did not survive. Raises Refused when the storage does not answer; begun
    again, it goes on where it was.
    """
    survived = Q(examinations_lost__lt=MAX_LOST)
    for rows in (undone().filter(survived), undone().exclude(survived)):
        for pk in _keys(rows):
            yield examine_blob(pk)


def examine_due() -> bool:
    """Look at what is due, one after the other; True when time was over before the work."""
    until, counts = time.monotonic() + WORK_FOR, dict.fromkeys(Outcome, 0)
    is_over = False
    try:
        for pk in _keys(due()):
            is_over = time.monotonic() > until
            if is_over:
                break
            Heartbeat.beat(_BEAT)
            counts[_examine_unless_lost(pk).outcome] += 1
    except Refused:
        is_over = False  # the storage does not answer: the sweep begins again
    if any(counts.values()):
        log.info("examined stored files", **{str(name): n for name, n in counts.items() if n})
    return is_over


def take_due(now: datetime) -> bool:
    """Whether something is due that nobody is at, and the caller's to begin."""
    if not due().exists():
        return False
    Heartbeat.objects.get_or_create(name=_BEAT, defaults={"at": _LONG_AGO})
    return bool(Heartbeat.objects.filter(name=_BEAT, at__lte=now - LEASE).update(at=now))


def undone() -> QuerySet[Blob]:
    return Blob.objects.filter(_UNDONE)


def due() -> QuerySet[Blob]:
    return undone().filter(examined=Examination.DUE)


# A literal: a bound parameter would keep SQLite from the partial index.
_UNDONE: Any = RawSQL(
    "media_library_blob.examined IN ('due', 'refused', 'missing')",
    (),
    output_field=BooleanField(),
)


def _keys(rows: QuerySet[Blob]) -> Iterator[int]:
    after = 0
    while page := list(
        rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:_PAGE]
    ):
        yield from page
        after = page[-1]


def _examine_unless_lost(pk: int) -> Examined:
    lost = Blob.objects.filter(pk=pk, examinations_lost__gte=MAX_LOST).first()
    if lost is None:
        return examine_blob(pk)
    log.error("examination did not end, again and again", blob=pk)
    return _note(lost, Examination.REFUSED, _LOST)


def examine_blob(pk: int) -> Examined:
    """Look at one. Raises Refused when the storage does not answer."""
    blob = Blob.objects.select_related("workspace").filter(pk=pk).first()
    if blob is None:
        return Examined(pk, Outcome.GONE)
    with ExitStack() as stack:
        stack.enter_context(_counted(blob))
        try:
            return _judge(blob, _fetched(blob, stack))
        except FileNotFoundError:
            order_again_of(blob)
            return _note(blob, Examination.MISSING, "The stored file is missing.")
        except Refused as refused:
            if refused.code == "storage_unavailable":
                raise
            return _note(blob, Examination.REFUSED, refused.message)
        except DatabaseError:
            raise
        except Exception:
            log.exception("examination failed", blob=pk)
            return _note(blob, Examination.REFUSED, "Something went wrong on our side.")


@contextmanager
def _counted(blob: Blob) -> Iterator[None]:
    """What a process that is killed meanwhile leaves behind."""
    row = Blob.objects.filter(pk=blob.pk)
    row.update(examinations_lost=F("examinations_lost") + 1)
    try:
        yield
    finally:
        row.update(examinations_lost=0)


def _fetched(blob: Blob, stack: ExitStack) -> File:
    try:
        stored = stack.enter_context(open_blob(blob))
        return stack.enter_context(copied(stored))
    except (FileNotFoundError, Refused):
        raise
    except Exception as error:
        log.warning("stored file could not be read", blob=blob.pk, error=type(error).__name__)
        message = "The file storage does not answer. Try again shortly."
        raise Refused("storage_unavailable", message) from error


def _judge(blob: Blob, file: File) -> Examined:
    if measured(file)[1] != blob.sha256:
        raise Refused("unsupported_media", "The stored bytes are not those that were taken in.")
    content = examine(file, blob.mime_type)
    before = TYPES.get(blob.mime_type)
    if before is None or before.kind != content.file_type.kind:
        message = f"Its bytes are {content.file_type.mime_type}, and it is kept as another type."
        raise Refused("unsupported_media", message)
    if content.sha256 != blob.sha256:
        exchange(blob, content)
        return Examined(blob.pk, Outcome.STRIPPED)
    return _learn(blob, content)


@transaction.atomic
def _learn(blob: Blob, content: Content) -> Examined:
    """Write the facts, and let be made what they show to be lacking."""
    for current in held([blob.pk]):
        news = {**known_of(content), "mime_type": content.file_type.mime_type}
        for name, value in news.items():
            setattr(current, name, value)
        current.save(update_fields=[*news, "updated_at"])
        kinds = MediaFile.objects.filter(blob=current).order_by("media_type")
        for kind in kinds.values_list("media_type", flat=True).distinct():
            order(current, kind)
        return Examined(blob.pk, Outcome.EXAMINED)
    return Examined(blob.pk, Outcome.GONE)


def _note(blob: Blob, state: Examination, reason: str) -> Examined:
    """Leave it as it is, and say so, unless it has changed meanwhile."""
    same = Blob.objects.filter(pk=blob.pk, storage_name=blob.storage_name)
    if not same.update(examined=state, updated_at=timezone.now()):
        return Examined(blob.pk, Outcome.GONE)
    return Examined(blob.pk, Outcome(state.value), reason)


def check() -> Iterator[Finding]:
    refused = undone().filter(examined=Examination.REFUSED).count()
    missing = undone().filter(examined=Examination.MISSING).count()
    waiting = due().count()
    if refused:
        yield warning(
            f"{refused} stored files are none that the library takes today. They are served as "
            "they are: where they were taken, and by whom, may be in them.",
            f"See which and why, and replace or delete them: {_COMMAND}",
        )
    if missing:
        yield warning(
            f"{missing} stored files are missing.",
            f"Restore them from a backup, or give the files other bytes; see which: {_COMMAND}",
        )
    if waiting:
        yield ok(f"{waiting} stored files are yet to be looked at by today's rules.")
    elif not refused and not missing:
        yield ok("All stored files have been looked at by today's rules.")
