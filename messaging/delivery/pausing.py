"""A whole channel that waits, because its provider limits the account or is out of reach.

The pause stands on the channel's `Pump` row, so it outlives every process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone

from messaging.delivery.backing_off import LONGEST_ASKED, back_off_of, wait
from messaging.delivery.consequences import clip
from messaging.delivery.news import Change, News
from messaging.delivery.rows import Row
from messaging.models import Channel, Pump

log = structlog.get_logger(__name__)


@dataclass
class _Reason:
    """What the answers of one channel come to: their latest call and their longest demand."""

    attempted_at: datetime
    at: datetime
    asked: timedelta
    message: str


def pause_channels(moved: Iterable[tuple[Row, Change]]) -> None:
    """Pause the channels whose answers say so; the caller's transaction has the messages locked."""
    reasons: dict[int, _Reason] = {}
    for row, change in moved:
        if change.news == News.BUSY and back_off_of(change.verdict).pauses:
            _add(reasons, row, change)
    if reasons:
        rows = Pump.objects.filter(channel__in=reasons).order_by("pk")
        for pump in rows.select_for_update():
            _pause(pump, reasons[pump.pk])


def _add(reasons: dict[int, _Reason], row: Row, change: Change) -> None:
    attempted_at = row.attempted_at or change.at
    asked = min(change.verdict.retry_after or timedelta(), LONGEST_ASKED)
    known = reasons.setdefault(
        row.channel_id, _Reason(attempted_at, change.at, asked, change.verdict.message)
    )
    known.attempted_at = max(known.attempted_at, attempted_at)
    known.at = max(known.at, change.at)
    known.asked = max(known.asked, asked)


def _pause(pump: Pump, reason: _Reason) -> None:
    """Many calls under way meet the same limit.

    So an answer to a call from before the end of the last pause is no reason for another one, only
    for a longer one if the provider asks for it.
    """
    if pump.paused_until and reason.attempted_at <= pump.paused_until:
        if reason.asked:
            pump.paused_until = max(pump.paused_until, reason.at + reason.asked)
    else:
        pump.pauses += 1
        pump.paused_until = reason.at + wait(pump.pauses, reason.asked)
        log.warning("channel paused", channel=pump.pk, times=pump.pauses)
    pump.pause_reason = clip(reason.message, Pump, "pause_reason")
    pump.save(update_fields=["pauses", "paused_until", "pause_reason"])


def shown_on(channel: Channel) -> dict[str, Any]:
    """Until when a channel waits by itself and why, as its API and admin show it."""
    pump = getattr(channel, "pump", None)
    until = pump.paused_until if pump and pump.pauses else None
    if pump is None or until is None or until < timezone.now():
        return {"paused_until": None, "status_reason": channel.status_reason}
    reason = channel.status_reason or pump.pause_reason
    return {"paused_until": until, "status_reason": reason}
