"""Road 2: what providers tell us is recorded first and applied then, one person at a time.

Events of one person on one channel form a line. Whoever applies one holds that person's identity
row and takes the oldest event of the line, in one transaction with all that it causes. So two
messages of one person never race, and a kill at any moment loses nothing: the row is still there.
"""

import traceback
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from messaging.arrivals import HANDLERS, MAKES_CONTACT, Applying, Arrival
from messaging.channels import CHANNELS
from messaging.channels.base import EventKind, InboundContent, InboundEvent
from messaging.models import Channel, Contact, Event, EventStatus, Identity

__all__ = ["Arrival", "apply_contact", "apply_events", "apply_line", "record"]

log = structlog.get_logger(__name__)

# After the n-th failure; an event that still fails then does not hold up later ones any more.
BACK_OFF = [timedelta(seconds=seconds) for seconds in (1, 4, 10, 30)]
# How long a wake-up may be on its way before the sweep sends another.
WAKING = timedelta(seconds=10)
SWEEP_LIMIT = 1_000
ASIDE_AT_LEAST = timedelta(seconds=1)
ASIDE_AT_MOST = timedelta(seconds=30)
# A literal: a bound parameter would keep SQLite from the partial indexes.
_RECORDED = RawSQL("messaging_event.status = 'recorded'", (), output_field=BooleanField())


class _Overtaken(Exception):
    """Somebody else was faster, or an older event turned up: look again at the new state."""


def record(channel: Channel, events: Iterable[InboundEvent]) -> list[int]:
    """Store each event once; the ids of those that wait to be applied.

    Events that nothing acts on are kept as `ignored`.
    """
    now = timezone.now()
    rows = [_row(channel, event, now) for event in events]
    Event.objects.bulk_create(rows, ignore_conflicts=True)
    waiting = [row.key for row in rows if row.status == EventStatus.RECORDED]
    if not waiting:
        return []
    found = Event.objects.filter(channel=channel, key__in=waiting, status=EventStatus.RECORDED)
    return list(found.order_by("pk").values_list("pk", flat=True))


def keep_unrouted(channel: Channel, events: Iterable[InboundEvent]) -> None:
    """Store events for accounts that `channel`'s workspace does not have; nobody applies them."""
    rows = [_row(channel, event, timezone.now()) for event in events]
    for row, event in zip(rows, events, strict=True):
        row.status = EventStatus.UNROUTED
        row.key = f"{event.account_id}|{event.key}"[:400]
    Event.objects.bulk_create(rows, ignore_conflicts=True)


def _row(channel: Channel, event: InboundEvent, now: datetime) -> Event:
    applied = event.kind in HANDLERS
    return Event(
        workspace_id=channel.workspace_id,
        channel=channel,
        key=event.key,
        kind=event.kind,
        external_id=event.external_id,
        happened_at=event.happened_at,
        payload=event.payload,
        status=EventStatus.RECORDED if applied else EventStatus.IGNORED,
        due_at=now if applied else None,
        lease_until=now + WAKING if applied else None,
    )


def apply_events(ids: Iterable[int]) -> None:
    """Apply the lines that these events stand in, with all that waits there."""
    waiting = Event.objects.filter(_RECORDED, pk__in=list(ids)).order_by("happened_at", "pk")
    for channel_id, external_id in dict.fromkeys(waiting.values_list("channel_id", "external_id")):
        apply_line(channel_id, external_id)


def apply_contact(contact_id: int) -> None:
    """Apply everything recorded of one contact, on all channels."""
    lines = Identity.objects.filter(contact=contact_id).order_by("pk")
    for channel_id, external_id in lines.values_list("channel_id", "external_id"):
        apply_line(channel_id, external_id)


def apply_line(channel_id: int, external_id: str) -> None:
    """Apply the recorded events of one person on one channel, by the provider's time.

    An event that failed holds up the later ones until its next try, so that they keep their
    order; the sweep wakes the line again then. One that stands aside holds up nobody.
    """
    while (event := _first(channel_id, external_id)) is not None:
        if event.attempts and event.due_at and event.due_at > timezone.now():
            return
        try:
            _apply(event)
        except _Overtaken:
            continue
        except Exception as error:
            _note_failure(event, error)


def _first(channel_id: int, external_id: str) -> Event | None:
    line = Event.objects.filter(_RECORDED, channel=channel_id, external_id=external_id)
    in_line = Q(due_at__lte=timezone.now()) | Q(attempts__gt=0)
    return line.filter(in_line).select_related("channel").order_by("happened_at", "pk").first()


def _apply(event: Event) -> None:
    kind = EventKind(event.kind)
    content = CHANNELS[event.channel.kind].read(kind, event.payload)
    with transaction.atomic():
        identity, is_new = _identity(event, kind, content)
        if _first(event.channel_id, event.external_id) != event:
            raise _Overtaken
        status = EventStatus.IGNORED
        if identity is not None:
            status = HANDLERS[kind](Applying(event, content, identity, is_new))
        due_at = _soon(event) if status == EventStatus.RECORDED else None
        Event.objects.filter(pk=event.pk).update(
            status=status, error="", due_at=due_at, attempts=0, lease_until=None
        )


def _soon(event: Event) -> datetime:
    """When to look again at an event that stands aside: the longer it has, the later."""
    now = timezone.now()
    return now + min(max(now - event.created_at, ASIDE_AT_LEAST), ASIDE_AT_MOST)


def _identity(
    event: Event, kind: EventKind, content: InboundContent
) -> tuple[Identity | None, bool]:
    """The person's identity, locked, and whether it was made just now."""
    known = Identity.objects.select_for_update(of=("self",)).select_related("contact")
    known = known.filter(channel=event.channel, external_id=event.external_id)
    found = known.first()
    if found is not None or kind not in MAKES_CONTACT:
        return found, False
    try:
        with transaction.atomic():
            contact = Contact.objects.create(
                workspace_id=event.workspace_id,
                name=content.name[:200],
                username=content.username[:150],
            )
            return Identity.objects.create(
                workspace_id=event.workspace_id,
                channel=event.channel,
                contact=contact,
                external_id=event.external_id,
            ), True
    except IntegrityError:
        # Another worker made it a moment ago, and has committed.
        return known.get(), False


def _note_failure(event: Event, error: Exception) -> None:
    attempts = event.attempts + 1
    over = attempts > len(BACK_OFF)
    tried = Event.objects.filter(_RECORDED, pk=event.pk, attempts=event.attempts)
    tried.update(
        attempts=attempts,
        status=EventStatus.FAILED if over else EventStatus.RECORDED,
        error=f"{type(error).__name__}: {error}".replace("\0", "")[:300],
        due_at=None if over else timezone.now() + BACK_OFF[attempts - 1],
        lease_until=None,
    )
    # The text of the error may hold what the person wrote; it stays in the row.
    log.error(
        "event not applied",
        event_id=event.pk,
        kind=event.kind,
        attempts=attempts,
        error=type(error).__name__,
        at=_where(error),
    )


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def take_left_behind(now: datetime) -> list[int]:
    """Events that are due and that no wake-up is on its way for; counted as woken from now on."""
    unleased = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Event.objects.filter(_RECORDED, unleased, due_at__lte=now)
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:SWEEP_LIMIT])
    Event.objects.filter(pk__in=ids).update(lease_until=now + WAKING)
    return ids
