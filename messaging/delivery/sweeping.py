"""What was left behind: attempts whose pump died, answers that never came, pumps to wake."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from inro.common.claims import SWEEPS, Sweep
from inro.common.waking import wake
from messaging.channels import CHANNELS
from messaging.delivery.claim import channels_waiting
from messaging.delivery.lease import announce_wake_up
from messaging.delivery.lookups import in_status
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle_each
from messaging.delivery.tasks import pump
from messaging.models import Message, Pump, StreamState

CHUNK = 500
CHUNKS_A_TICK = 20


def register() -> None:
    SWEEPS.add(Sweep("messages", Message, settle_left_behind))
    SWEEPS.add(Sweep("pumps", Pump, wake_pumps))


def settle_left_behind(now: datetime) -> int:
    """Attempts that ended without an answer become unconfirmed, those unconfirmed too long fail.

    Where the provider knows our ids, they are tried again instead.
    """
    overdue = now - timedelta(seconds=settings.UNCONFIRMED_AFTER)
    died = in_status("sending").filter(lease_until__lt=now).order_by("lease_until")
    open_end = in_status("unconfirmed").order_by("unconfirmed_at")
    unknown = open_end.filter(unconfirmed_at__lt=overdue)
    repeatable = open_end.filter(
        unconfirmed_at__gte=overdue,
        withdrawn=False,
        channel__kind__in=[each.kind for each in CHANNELS if each.idempotent],
        stream__state__in=(StreamState.RUNNING, StreamState.PAUSED),
    )
    found = 0
    left = ((died, News.UNKNOWN), (unknown, News.OVERDUE), (repeatable, News.REPEATABLE))
    for rows, news in left:
        for changes in _chunks(rows, news, now):
            settle_each(changes)
            found += len(changes)
    return found


def _chunks(rows: "QuerySet[Message]", news: News, now: datetime) -> Iterator[list[Change]]:
    """A bounded number, so that a tick ends; each is gone from `rows` once it is settled."""
    for _ in range(CHUNKS_A_TICK):
        found = list(rows.values_list("pk", "turn")[:CHUNK])
        if found:
            yield [Change(pk, news, turn, at=now) for pk, turn in found]
        if len(found) < CHUNK:
            return


def wake_pumps(now: datetime) -> int:
    """Wake the pump of every channel where a message could go out and no pump is at work."""
    woken = 0
    for channel_id in channels_waiting(now):
        if announce_wake_up(channel_id, now):
            wake(pump, channel_id)
            woken += 1
    return woken
