"""Road 2: what providers tell us is recorded first and applied then, one person at a time.

Events of one person on one channel form a line. Whoever applies one holds that person's identity
row and takes the oldest event of the line, in one transaction with all that it causes. So two
messages of one person never race, and a kill at any moment loses nothing: the row is still there.
"""

import hashlib
import traceback
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from inro.common.inserting import insert_unless_there
from messaging.applying import Applying, meet
from messaging.arrivals import HANDLERS, MAKES_CONTACT, Arrival
from messaging.channels import CHANNELS
from messaging.channels.base import EventKind, InboundContent, InboundEvent
from messaging.lines import RECORDED, backs_off, in_line
from messaging.models import Channel, Event, EventStatus, Identity
from messaging.together import AT_ONCE, apply_receipts, apply_together, finish

__all__ = [
    "Arrival",
    "apply_events",
    "apply_line",
    "apply_of_contact",
    "has_recorded",
    "lock_identities",
    "record",
]

log = structlog.get_logger(__name__)

# After the n-th failure; an event that still fails then does not hold up later ones any more.
BACK_OFF = [timedelta(seconds=seconds) for seconds in (1, 4, 10, 30)]
# How long a wake-up may be on its way before the sweep sends another.
WAKING = timedelta(seconds=10)
SWEEP_LIMIT = 1_000


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
    if len(rows) == 1 and insert_unless_there(rows[0], ("channel", "key")):
        # Most calls bring one event: one statement then, with nothing to look up.
        return [rows[0].pk] if rows[0].status == EventStatus.RECORDED else []
    if len(rows) > 1:
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
    if rows:
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
    kinds = _kinds(ids)
    while kinds:
        done: set[int] = set()
        if EventKind.READ in kinds.values():
            done |= apply_receipts(kinds.keys())
        if set(kinds.values()) - {EventKind.READ}:
            done |= apply_together(kinds.keys())
        left = kinds.keys() - done
        if not done:
            _apply_lines_of(left)
            return
        kinds = _kinds(left)


def apply_due() -> None:
    """Apply all that is due and that nobody is applying."""
    while ids := _free(timezone.now()):
        apply_events(ids)


def _free(now: datetime) -> list[int]:
    with transaction.atomic():
        due = Event.objects.filter(RECORDED, due_at__lte=now).order_by("due_at", "pk")
        rows = due.select_for_update(skip_locked=connection.features.has_select_for_update)
        return list(rows.values_list("pk", flat=True)[:AT_ONCE])


def _kinds(ids: Iterable[int]) -> dict[int, str]:
    """Those of the events that are not done with."""
    wanted = list(ids)
    if not wanted:
        return {}
    return dict(Event.objects.filter(RECORDED, pk__in=wanted).values_list("pk", "kind"))


def _apply_lines_of(ids: Collection[int]) -> None:
    """What could not be applied together, or others held at that moment."""
    waiting = Event.objects.filter(RECORDED, pk__in=ids).order_by("happened_at", "pk")
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


def apply_of_contact(contact_id: int, channel_id: int) -> None:
    """Apply what is recorded and due of a contact on a channel, each event in its own transaction.

    Not to be called with the contact's identities locked.
    """
    channel = Channel.objects.get(pk=channel_id)
    for external_id in _identities(contact_id, channel_id).values_list("external_id", flat=True):
        apply_line(channel, external_id)


def lock_identities(contact_id: int, channel_id: int) -> None:
    """Hold a contact's identities on a channel to the end of the caller's transaction.

    Until then nothing of that person is applied by anybody else.
    """
    list(_identities(contact_id, channel_id).select_for_update().values_list("pk"))


def has_recorded(contact_id: int, channel_id: int) -> bool:
    """Whether there is an event whose turn is to come: one that failed and will be tried again too.

    Such a one is applied or given up within the sum of `BACK_OFF`, so whoever waits for it does not
    wait for ever. What stands aside does not count.
    """
    names = _identities(contact_id, channel_id).values_list("external_id", flat=True)
    return in_line([channel_id], list(names)).exists()


def _identities(contact_id: int, channel_id: int) -> QuerySet[Identity]:
    return Identity.objects.filter(contact=contact_id, channel=channel_id).order_by("pk")


def _apply_first(channel: Channel, external_id: str) -> bool:
    """Apply the oldest event of a line, if it is due; whether to look again."""
    event = None
    try:
        with transaction.atomic():
            identity = _locked(channel, external_id)
            waiting = list(in_line([channel.pk], [external_id]).select_for_update()[:2])
            if not waiting or backs_off(waiting[0]):
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


def _apply(channel: Channel, event: Event, identity: Identity | None) -> None:
    kind = EventKind(event.kind)
    content = CHANNELS[channel.kind].read(kind, event.payload)
    this = Applying(event, content, identity) if identity else None
    if identity is None and kind in MAKES_CONTACT:
        this = _met(event, content)
    statuses = HANDLERS[kind]([this]) if this else {event.pk: EventStatus.IGNORED}
    finish([event], statuses)


def _met(event: Event, content: InboundContent) -> Applying:
    try:
        with transaction.atomic():
            return meet([(event, content)])[0]
    except IntegrityError:
        same = Identity.objects.filter(channel=event.channel_id, external_id=event.external_id)
        if same.exists():
            raise _Overtaken from None
        raise


def _note_failure(event: Event, error: Exception) -> None:
    attempts = event.attempts + 1
    over = attempts > len(BACK_OFF)
    tried = Event.objects.filter(RECORDED, pk=event.pk, attempts=event.attempts)
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
    due = Event.objects.filter(RECORDED, unleased, due_at__lte=now)
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:SWEEP_LIMIT])
    Event.objects.filter(pk__in=ids).update(lease_until=now + WAKING)
    return ids
