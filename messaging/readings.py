"""What `/metrics` and `doctor` want to know of conversations; each question is one short query."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Count, DateTimeField, Min
from django.db.models.expressions import RawSQL
from django.utils import timezone

from inro.common.measuring import BACKLOGS, READINGS, Backlog, Reading
from messaging.models import Channel, ChannelStatus, Event, Message, Pump, Stream, StreamState

MOST_COUNTED = 10_000
MOST_CHANNELS = 1_000
# Raw, since a bound status would keep SQLite from the partial indexes.
_FIRST: Any = RawSQL(
    "(SELECT m.due_at FROM messaging_message m WHERE m.stream_id = messaging_stream.id"
    " AND m.status = 'queued' ORDER BY m.due_at LIMIT 1)",
    (),
    output_field=DateTimeField(),
)
_RECORDED = RawSQL("messaging_event.status = 'recorded'", (), output_field=BooleanField())
_Values = Iterator[tuple[tuple[str, ...], float]]


def register() -> None:
    BACKLOGS.add(Backlog("events", oldest_event))
    BACKLOGS.add(Backlog("messages", oldest_message))
    READINGS.add(
        Reading(
            "inro_events_unapplied",
            f"Events of providers that wait to be applied, up to {MOST_COUNTED:,}.",
            _unapplied,
        )
    )
    READINGS.add(
        Reading(
            "inro_messages_recent",
            f"Messages of the last hour, of the newest {MOST_COUNTED:,}.",
            _recent,
            ("direction", "status"),
        )
    )
    READINGS.add(
        Reading(
            "inro_channel_connected",
            "1 for a channel that can send, 0 for one that is paused or in error.",
            _connected,
            ("channel", "kind"),
        )
    )
    READINGS.add(
        Reading("inro_pump_active", "1 while a pump delivers there.", _pumping, ("channel",))
    )


def oldest_event(now: datetime) -> datetime | None:
    rows = Event.objects.filter(_RECORDED, due_at__lte=now)
    return rows.order_by("due_at").values_list("due_at", flat=True).first()


def oldest_message(now: datetime) -> datetime | None:
    """The oldest that could go out: on a channel that is connected, in a stream that runs."""
    streams = Stream.objects.filter(
        state=StreamState.RUNNING, channel__status=ChannelStatus.CONNECTED
    )
    found: datetime | None = streams.annotate(first=_FIRST).aggregate(Min("first"))["first__min"]
    return found if found and found <= now else None


def _unapplied() -> _Values:
    yield (), Event.objects.filter(_RECORDED).order_by()[:MOST_COUNTED].count()


def _recent() -> _Values:
    """By the key, the only order of the table that grows with time."""
    newest = Message.objects.order_by("-pk").values("pk")[:MOST_COUNTED]
    rows = Message.objects.filter(
        pk__in=newest, created_at__gt=timezone.now() - timedelta(hours=1)
    ).order_by()
    for direction, status, count in rows.values_list("direction", "status").annotate(Count("pk")):
        yield (direction, status), count


def _connected() -> _Values:
    rows = Channel.objects.order_by("pk").values_list("pk", "kind", "status")[:MOST_CHANNELS]
    for pk, kind, status in rows:
        yield (str(pk), kind), float(status == ChannelStatus.CONNECTED)


def _pumping() -> _Values:
    now = timezone.now()
    rows = Pump.objects.order_by("pk").values_list("pk", "lease_until")[:MOST_CHANNELS]
    for pk, lease_until in rows:
        yield (str(pk),), float(lease_until is not None and lease_until > now)
