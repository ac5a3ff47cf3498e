"""Pausing, resuming, canceling and emptying streams: each is one row, however much waits on it.

A message that was called without a clear refusal is never canceled: it may have gone out, and ends
by a receipt or its deadline.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inro.common.errors import Refused
from inro.common.waking import wake
from messaging.channels.base import Outcome, Verdict
from messaging.delivery.lease import announce_wake_up
from messaging.delivery.lookups import in_lanes, in_status
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle_each
from messaging.delivery.tasks import pump
from messaging.models import Message, Stream, StreamState
from messaging.models.channels import STANDING

CHUNK = 500
# So that a tick, or a request, ends.
MOST = 10_000
_CANCELED = Verdict(Outcome.REFUSED, code="canceled", message="It was canceled before it went out.")


def pause_stream(stream_id: int) -> bool:
    """Let nothing more go out; what is being called goes on. False when it was not running."""
    return _turn(stream_id, StreamState.RUNNING, StreamState.PAUSED)


def resume_stream(stream_id: int) -> bool:
    """Go on where a pause left off. False when it was not paused."""
    resumed = _turn(stream_id, StreamState.PAUSED, StreamState.RUNNING)
    if resumed:
        channel_id = Stream.objects.values_list("channel_id", flat=True).get(pk=stream_id)
        announce_wake_up(channel_id, timezone.now())
        wake(pump, channel_id)
    return resumed


def cancel_stream(stream_id: int) -> bool:
    """Let nothing more go out, for good; the sweep then ends what waits. False when it was ended.

    Raises Refused with `conflict` for a standing stream, which can be paused and emptied.
    Whoever writes messages of a stream locks its row and looks at its state first: what came later
    would be left lying.
    """
    stream = Stream.objects.filter(pk=stream_id)
    if stream.filter(kind__in=STANDING).exists():
        raise Refused("conflict", "This stream is a channel's own; empty it instead.")
    live = stream.filter(state__in=(StreamState.RUNNING, StreamState.PAUSED))
    return bool(live.update(state=StreamState.CANCELING))


def empty_stream(stream_id: int) -> int:
    """Cancel what waits in a stream at this moment, up to `MOST`; how many messages that were."""
    latest = Message.objects.filter(stream=stream_id).order_by("-pk").values_list("pk", flat=True)
    until = latest.first() or 0
    canceled = 0
    for changes in _chunks(stream_id, timezone.now(), until):
        settled = settle_each(changes)
        if not settled:
            break  # pumps have taken them since
        canceled += len(settled)
    return canceled


def settle_canceling(now: datetime) -> int:
    """Cancel what waits in the streams that are being canceled; end those where nothing is open."""
    found = 0
    for stream_id in Stream.objects.filter(state=StreamState.CANCELING).values_list(
        "pk", flat=True
    ):
        for changes in _chunks(stream_id, now):
            settle_each(changes)
            found += len(changes)
        found += _end(stream_id)
    return found


def _turn(stream_id: int, state: StreamState, to: StreamState) -> bool:
    return bool(Stream.objects.filter(pk=stream_id, state=state).update(state=to))


def _chunks(stream_id: int, now: datetime, until: int | None = None) -> Iterator[list[Change]]:
    """What can be ended now, a bounded number of it; each is gone once it is settled."""
    for _ in range(MOST // CHUNK):
        changes = _next_changes(stream_id, now, {} if until is None else {"pk__lte": until})
        if not changes:
            return
        yield changes


def _next_changes(stream_id: int, now: datetime, among: dict[str, int]) -> list[Change]:
    waiting = in_lanes(stream_id).filter(status__in=("preparing", "queued"), **among)
    planned = in_status("scheduled").filter(stream=stream_id, **among)
    overdue = now - timedelta(seconds=settings.UNCONFIRMED_AFTER)
    return (
        _changes(planned.order_by("pk"), News.CANCELED, now)
        or _changes(waiting.filter(unconfirmed_at=None), News.CANCELED, now)
        or _changes(waiting.filter(unconfirmed_at__lt=overdue), News.OVERDUE, now)
    )


def _changes(rows: "QuerySet[Message]", news: News, now: datetime) -> list[Change]:
    found = rows.values_list("pk", "turn")[:CHUNK]
    return [Change(pk, news, turn, _CANCELED, at=now) for pk, turn in found]


def _end(stream_id: int) -> int:
    """Whoever writes messages of the stream holds its row locked, so none comes in between."""
    with transaction.atomic():
        mine = Stream.objects.filter(pk=stream_id, state=StreamState.CANCELING)
        if not mine.select_for_update().exists():
            return 0
        planned = in_status("scheduled").filter(stream=stream_id)
        if planned.exists() or in_lanes(stream_id).exists():
            return 0
        return mine.update(state=StreamState.ENDED)
