"""What is removed when its time is over, a little at a time.

Apps register what they keep for a while. Once a day each table is walked by its key, in pages of
one short transaction each; a walk that takes long hands over to a task of its own, and one that was
killed begins again ten minutes later, where it finds removed what is removed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from django.db import models
from django.db.models import Q
from django.utils import timezone

from inro.common.models import Heartbeat
from inro.common.registry import Registry

log = structlog.get_logger(__name__)

PAGE = 500
SLICE_SECONDS = 20.0
EVERY = timedelta(days=1)
# A walk that has neither gone on nor ended after this long has died.
LEASE = timedelta(minutes=10)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Key = int | str


@dataclass(frozen=True)
class Retention:
    """Rows of `model` go once `age`, a column, lies `kept_for()` in the past; never, when None.

    Only what `removable` holds for goes, judged again by the statement that removes it; it is
    asked for then, when all apps have said what they refer to.
    `in_order`: keys grow with `age`, so that a walk ends where nothing is old any more.
    """

    name: str
    model: type[models.Model]
    age: str
    kept_for: Callable[[], timedelta | None]
    removable: Q | Callable[[], Q] = field(default_factory=Q)
    in_order: bool = True


RETENTIONS: Registry[Retention] = Registry("retentions", key=lambda each: each.name)


def days(number: int) -> timedelta | None:
    """As a setting means it: 0 is for ever."""
    return timedelta(days=number) if number else None


@dataclass(frozen=True)
class Walked:
    """How far a walk came: what it removed, and the key to go on after, if there is more."""

    removed: int
    after: Key | None = None


def walk(retention: Retention, after: Key | None = None, now: datetime | None = None) -> Walked:
    """Remove what is over, in pages from the key `after` on, for at most SLICE_SECONDS."""
    kept_for = retention.kept_for()
    if kept_for is None:
        return Walked(0)
    before, removed = (now or timezone.now()) - kept_for, 0
    until = time.monotonic() + SLICE_SECONDS
    while True:
        page = _page(retention, after)
        old = [key for key, at in page if at < before]
        if not page or (retention.in_order and not old):
            return Walked(removed)
        if old:
            asked = retention.removable
            removable = asked if isinstance(asked, Q) else asked()
            doomed = retention.model._base_manager.filter(removable, pk__in=old)
            removed += doomed.delete()[0]
        after = page[-1][0]
        if time.monotonic() >= until:
            return Walked(removed, after)


def _page(retention: Retention, after: Key | None) -> list[tuple[Key, datetime]]:
    rows = retention.model._base_manager.order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return list(rows.values_list("pk", retention.age)[:PAGE])


def take_due(now: datetime) -> list[str]:
    """The names of the walks that begin now; whoever asks next is told of others."""
    beats = {_beat(each): each.name for each in RETENTIONS}
    last = dict(Heartbeat.objects.filter(name__in=beats).values_list("name", "at"))
    due = [beat for beat in beats if last.get(beat, _LONG_AGO) <= now - EVERY]
    return [beats[beat] for beat in due if take(beat, now)]


def take(beat: str, now: datetime) -> bool:
    """Whether the daily work named `beat` is due, and the caller's to begin."""
    Heartbeat.objects.get_or_create(name=beat, defaults={"at": _LONG_AGO})
    mine = Heartbeat.objects.filter(name=beat, at__lte=now - EVERY)
    return bool(mine.update(at=now - EVERY + LEASE))


def note(retention: Retention, walked: Walked) -> None:
    """Say what was removed, and when the next walk is due: in a day, if this one is done."""
    hold(_beat(retention), is_done=walked.after is None)
    if walked.removed:
        log.info("removed what is over", what=retention.name, rows=walked.removed)


def hold(beat: str, *, is_done: bool) -> None:
    """Daily work that goes on, or is done for today."""
    lasts = timezone.now() if is_done else timezone.now() - EVERY + LEASE
    Heartbeat.objects.filter(name=beat).update(at=lasts)


def _beat(retention: Retention) -> str:
    return f"retention: {retention.name}"
