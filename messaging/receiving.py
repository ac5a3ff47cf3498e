"""Road 2: what providers tell us is recorded first and applied then, one person at a time.

Events of one person on one channel form a line. Whoever applies one holds that person's identity
row and takes the oldest event of the line, in one transaction with all that it causes. So two
messages of one person never race, and a kill at any moment loses nothing: the row is still there.
"""

import hashlib
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

__all__ = ["Arrival", "apply_events", "apply_line", "record"]

log = structlog.get_logger(__name__)

# After the n-th failure; an event that still fails then does not hold up later ones any more.
BACK_OFF = [timedelta(seconds=seconds) for seconds in (1, 4, 10, 30)]
# How long a wake-up may be on its way before the sweep sends another.
WAKING = timedelta(seconds=10)
SWEEP_LIMIT = 1_000
ASIDE_AT_LEAST = timedelta(seconds=1)
ASIDE_AT_MOST = timedelta(seconds=5)
# A literal: a bound parameter would keep SQLite from the partial indexes.
_RECORDED = RawSQL("messaging_event.status = 'recorded'", (), output_field=BooleanField())


class _Overtaken(Exception):
    """Another worker has made this person known meanwhile: look again at the new state."""


def record(events: Iterable[tuple[Channel, InboundEvent]]) -> list[int]:
    """Store each event once, as its channel's; the ids of those that wait to be applied.

    Events that nothing acts on are kept as `ignored`.
    """
    rows = [_row(channel, event) for channel, event in events]
    for row in rows:
        if row.kind in HANDLERS:
            row.status = EventStatus.RECORDED
            row.due_at, row.lease_until = row.created_at, row.created_at + WAKING
    Event.objects.bulk_create(rows, ignore_conflicts=True)
    waiting = [row for row in rows if row.status == EventStatus.RECORDED]
    if not waiting:
        return []
    found = Event.objects.filter(
        channel__in={row.channel_id for row in waiting},
        key__in=[row.key for row in waiting],
        status=EventStatus.RECORDED,
    )
    return list(found.order_by("pk").values_list("pk", flat=True))


def keep_unrouted(channel: Channel, events: Iterable[InboundEvent]) -> None:
    """Store events for accounts that `channel`'s workspace does not have; nobody applies them."""
    rows = []
    for event in events:
        row = _row(channel, event)
        row.status = EventStatus.UNROUTED
        # Two accounts may use the same ids.
        row.key = hashlib.sha256(f"{event.account_id}|{event.key}".encode()).hexdigest()
        rows.append(row)
    Event.objects.bulk_create(rows, ignore_conflicts=True)


def _row(channel: Channel, event: InboundEvent) -> Event:
    return Event(
        workspace_id=channel.workspace_id,
        channel=channel,
        key=event.key,
        kind=event.kind,
        external_id=event.external_id,
        happened_at=event.happened_at,
        payload=event.payload,
        status=EventStatus.IGNORED,
    )


def apply_events(ids: Iterable[int]) -> None:
    """Apply the lines that these events stand in, with all that waits there."""
    waiting = Event.objects.filter(_RECORDED, pk__in=list(ids)).order_by("happened_at", "pk")
    lines = dict.fromkeys(waiting.values_list("channel_id", "external_id"))
    channels = Channel.objects.in_bulk({channel_id for channel_id, _ in lines})
    for channel_id, external_id in lines:
        apply_line(channels[channel_id], external_id)


def apply_line(channel: Channel, external_id: str) -> None:
    """Apply the recorded events of one person on one channel, by the provider's time.

    An event that failed holds up the later ones until its next try, so that they keep their
    order; the sweep wakes the line again then. One that stands aside holds up nobody.
    """
    while _apply_first(channel, external_id):
        pass


def _apply_first(channel: Channel, external_id: str) -> bool:
    """Apply the oldest event of a line, if it is due; whether to look again."""
    event = None
    try:
        with transaction.atomic():
            identity = _locked(channel, external_id)
            waiting = _in_line(channel, external_id)
            if not waiting or _backs_off(waiting[0]):
                return False
            event = waiting[0]
            _apply(channel, event, identity)
            return len(waiting) > 1
    except _Overtaken:
        return True
    except Exception as error:
        if event is None:
            raise
        _note_failure(event, error)
        return True


def _locked(channel: Channel, external_id: str) -> Identity | None:
    """Whoever holds this row decides what of this person comes next."""
    known = Identity.objects.select_for_update(of=("self",)).select_related("contact")
    return known.filter(channel=channel, external_id=external_id).first()


def _in_line(channel: Channel, external_id: str) -> list[Event]:
    """The two events that come next."""
    line = Event.objects.filter(_RECORDED, channel=channel, external_id=external_id)
    not_aside = Q(due_at__lte=timezone.now()) | Q(attempts__gt=0)
    return list(line.filter(not_aside).order_by("happened_at", "pk")[:2])


def _backs_off(event: Event) -> bool:
    return bool(event.attempts and event.due_at and event.due_at > timezone.now())


def _apply(channel: Channel, event: Event, identity: Identity | None) -> None:
    kind = EventKind(event.kind)
    content = CHANNELS[channel.kind].read(kind, event.payload)
    if identity is None and kind in MAKES_CONTACT:
        identity = _new_identity(event, content)
    status = EventStatus.IGNORED
    if identity is not None:
        status = HANDLERS[kind](Applying(event, content, identity))
    due_at = _soon(event) if status == EventStatus.RECORDED else None
    Event.objects.filter(pk=event.pk).update(
        status=status, error="", due_at=due_at, attempts=0, lease_until=None
    )


def _new_identity(event: Event, content: InboundContent) -> Identity:
    person = {"channel_id": event.channel_id, "external_id": event.external_id}
    try:
        with transaction.atomic():
            contact = Contact.objects.create(
                workspace_id=event.workspace_id,
                name=content.name[:200],
                username=content.username[:150],
            )
            return Identity.objects.create(
                workspace_id=event.workspace_id, contact=contact, **person
            )
    except IntegrityError:
        if Identity.objects.filter(**person).exists():
            raise _Overtaken from None
        raise


def _soon(event: Event) -> datetime:
    """When to look again at an event that stands aside: the longer it has, the later."""
    now = timezone.now()
    return now + min(max(now - event.created_at, ASIDE_AT_LEAST), ASIDE_AT_MOST)


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
