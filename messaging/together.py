"""Applying the next events of many people in one transaction, with statements for all of them.

A worker that is woken for one event takes along what else is due. Each event is still applied with
all its effects or not at all; one that spoils the transaction is left, with the others, to be
applied by itself.

Workers do not wait for each other here: an event, a person or a contact that another one holds is
left out. So no circle of waiting can come about, though rows of many people are held at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from messaging.applying import Applying, by_provider_id, meet
from messaging.arrivals import HANDLERS, apply_reads
from messaging.channels import CHANNELS
from messaging.channels.base import EventKind
from messaging.lines import RECORDED, Line, aside_until, in_line, line_of
from messaging.models import Channel, Contact, Event, EventStatus, Identity

log = structlog.get_logger(__name__)

AT_ONCE = 50
# How much of the lines is read to find who is next in them.
_LOOK_AHEAD = 500
_OF_PERSONS = (EventKind.MESSAGE, EventKind.POSTBACK, EventKind.ECHO)


def apply_together(ids: Collection[int]) -> set[int]:
    """Apply what people did next, of up to AT_ONCE of them; the events `ids` go first.

    The events that are done with, or stand aside now.
    """
    return _try(_apply_arrivals, ids)


def apply_receipts(ids: Collection[int]) -> set[int]:
    """Apply receipts that nothing is in front of in their line: they need no lock of the person."""
    return _try(_apply_receipts, ids)


def _try(apply: Callable[[Collection[int]], set[int]], ids: Collection[int]) -> set[int]:
    try:
        with transaction.atomic():
            return apply(ids)
    except Exception as error:
        log.warning("events not applied together", error=type(error).__name__)
        return set()


def _apply_arrivals(ids: Collection[int]) -> set[int]:
    nexts = _next_in_line(_claimed(ids, _OF_PERSONS))
    found = _people(nexts)
    done: dict[int, EventStatus] = {}
    kinds = sorted(found, key=lambda this: this.event.kind)
    for kind, group in groupby(kinds, key=lambda this: EventKind(this.event.kind)):
        them = list(group)
        if kind == EventKind.ECHO:
            done |= _of_known_messages(them)
        else:
            done |= HANDLERS[kind](them)
    finish([this.event for this in found if this.event.pk in done], done)
    return set(done)


def _claimed(ids: Collection[int], kinds: Collection[EventKind]) -> list[Event]:
    """Events that are due and were not tried yet, held until the end of the transaction."""
    due = Event.objects.filter(
        RECORDED, attempts=0, due_at__lte=timezone.now(), kind__in=kinds
    ).select_for_update(skip_locked=True)
    own = list(due.filter(pk__in=ids).order_by("happened_at", "pk")[:AT_ONCE])
    if len(own) == AT_ONCE:
        return own
    others = due.exclude(pk__in=[event.pk for event in own]).order_by("due_at", "pk")
    return own + list(others[: AT_ONCE - len(own)])


def _in_front(events: Sequence[Event]) -> QuerySet[Event]:
    channels = {event.channel_id for event in events}
    return in_line(channels, {event.external_id for event in events})[:_LOOK_AHEAD]


def _next_in_line(claimed: Sequence[Event]) -> list[Event]:
    """Those of `claimed` that are the next in their line."""
    if not claimed:
        return []
    first: dict[Line, int] = {}
    rows = _in_front(claimed).values_list("pk", "channel_id", "external_id")
    for pk, channel_id, external_id in rows:
        first.setdefault((channel_id, external_id), pk)
    return [event for event in claimed if first.get(line_of(event)) == event.pk]


def _people(events: Sequence[Event]) -> list[Applying]:
    """The events with what they say and whom they are of, held; one for each contact.

    Who is not known yet becomes a contact. Left out are those whom another worker holds.
    """
    channels = Channel.objects.filter(pk__in={event.channel_id for event in events})
    kinds = dict(channels.values_list("pk", "kind"))
    contents = {
        event.pk: CHANNELS[kinds[event.channel_id]].read(EventKind(event.kind), event.payload)
        for event in events
    }
    identities = _held(events)
    of_contact: dict[int, Applying] = {}
    for event in events:
        if identity := identities.get(line_of(event)):
            this = Applying(event, contents[event.pk], identity)
            of_contact.setdefault(identity.contact_id, this)
    strangers = _strangers([event for event in events if line_of(event) not in identities])
    return [*of_contact.values(), *meet([(each, contents[each.pk]) for each in strangers])]


def _held(events: Sequence[Event]) -> dict[Line, Identity]:
    """The identities of these people with their contacts, as far as nobody else holds them."""
    if not events:
        return {}
    rows = Identity.objects.filter(
        channel__in={event.channel_id for event in events},
        external_id__in={event.external_id for event in events},
    )
    identities = list(rows.order_by("pk").select_for_update(skip_locked=True))
    contacts = Contact.objects.filter(pk__in={each.contact_id for each in identities})
    free = contacts.order_by("pk").select_for_update(skip_locked=True, no_key=True)
    by_id = {contact.pk: contact for contact in free}
    found: dict[Line, Identity] = {}
    for identity in identities:
        if contact := by_id.get(identity.contact_id):
            identity.contact = contact
            found[identity.channel_id, identity.external_id] = identity
    return found


def _strangers(events: Sequence[Event]) -> list[Event]:
    """The events of people whom nobody knows, and not only nobody here."""
    if not events:
        return []
    known = Identity.objects.filter(
        channel__in={event.channel_id for event in events},
        external_id__in={event.external_id for event in events},
    )
    lines = set(known.values_list("channel_id", "external_id"))
    return [each for each in events if line_of(each) not in lines and each.kind != EventKind.ECHO]


def _of_known_messages(them: Sequence[Applying]) -> dict[int, EventStatus]:
    """Echoes of messages that are on record by their id.

    Any other may settle a message of ours, and takes locks in an order of its own: it is left.
    """
    known = set(by_provider_id(them))
    return {this.event.pk: EventStatus.APPLIED for this in them if this.provider_key in known}


def _apply_receipts(ids: Collection[int]) -> set[int]:
    claimed = _unhindered(_claimed(ids, (EventKind.READ,)))
    contacts = _contacts(claimed)
    known = [event for event in claimed if line_of(event) in contacts]
    statuses = dict.fromkeys((event.pk for event in claimed), EventStatus.IGNORED)
    statuses |= apply_reads([(event, contacts[line_of(event)]) for event in known])
    finish(claimed, statuses)
    return set(statuses)


def _unhindered(claimed: Sequence[Event]) -> list[Event]:
    """The receipts that have nothing but receipts in front of them."""
    if not claimed:
        return []
    hindered: set[Line] = set()
    free: set[int] = set()
    rows = _in_front(claimed).values_list("pk", "kind", "channel_id", "external_id")
    for pk, kind, channel_id, external_id in rows:
        if kind != EventKind.READ:
            hindered.add((channel_id, external_id))
        elif (channel_id, external_id) not in hindered:
            free.add(pk)
    return [event for event in claimed if event.pk in free]


def _contacts(events: Sequence[Event]) -> dict[Line, int]:
    rows = Identity.objects.filter(
        channel__in={event.channel_id for event in events},
        external_id__in={event.external_id for event in events},
    )
    found = rows.values_list("channel_id", "external_id", "contact_id")
    return {(channel_id, name): contact_id for channel_id, name, contact_id in found}


def finish(events: Iterable[Event], statuses: Mapping[int, EventStatus]) -> None:
    """Write what the events have come to; one that is still recorded stands aside."""
    by_status: dict[EventStatus, list[int]] = {}
    for event in events:
        status = statuses[event.pk]
        if status == EventStatus.RECORDED:
            _write([event.pk], status, due_at=aside_until(event))
        else:
            by_status.setdefault(status, []).append(event.pk)
    for status, pks in by_status.items():
        _write(pks, status, due_at=None)


def _write(pks: Collection[int], status: EventStatus, due_at: datetime | None) -> None:
    Event.objects.filter(pk__in=pks).update(
        status=status, error="", due_at=due_at, attempts=0, lease_until=None
    )
