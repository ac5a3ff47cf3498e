"""The lines that recorded events stand in: one for each person on each channel, by time."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from messaging.models import Event

Line = tuple[int, str]  # a channel and whom it names so

# A literal: a bound parameter would keep SQLite from the partial indexes.
RECORDED = RawSQL("messaging_event.status = 'recorded'", (), output_field=BooleanField())
ASIDE_AT_LEAST = timedelta(seconds=1)
ASIDE_AT_MOST = timedelta(seconds=5)


def in_line(channel_ids: Collection[int], external_ids: Collection[str]) -> QuerySet[Event]:
    """What waits for its turn, the next first; what stands aside does not."""
    not_aside = Q(due_at__lte=timezone.now()) | Q(attempts__gt=0)
    lines = Event.objects.filter(
        RECORDED, not_aside, channel__in=channel_ids, external_id__in=external_ids
    )
    return lines.order_by("happened_at", "pk")


def line_of(event: Event) -> Line:
    return event.channel_id, event.external_id


def backs_off(event: Event) -> bool:
    """Whether it failed and waits for its next try, holding up the line."""
    return bool(event.attempts and event.due_at and event.due_at > timezone.now())


def aside_until(event: Event) -> datetime:
    """When to look again at an event that stands aside: the longer it has, the later."""
    now = timezone.now()
    return now + min(max(now - event.created_at, ASIDE_AT_LEAST), ASIDE_AT_MOST)
