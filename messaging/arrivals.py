"""What each kind of event comes to, once it is that event's turn.

A handler takes events of one kind, of one or of many people, inside a transaction that holds their
identity rows. It returns what each event is now, by its id: `recorded` when it is too early to
tell, and the event stands aside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from messaging.activity import new_people, note_activity
from messaging.applying import Applying, ProviderKey, by_provider_id
from messaging.channels import CHANNELS
from messaging.channels.base import EventKind
from messaging.delivery import receipts
from messaging.delivery.receipts import Author, Read, apply_echo
from messaging.models import (
    Channel,
    ContactStatus,
    Direction,
    Event,
    EventStatus,
    Message,
    MessageStatus,
    MessageType,
    Stream,
    StreamKind,
)
from messaging.signals import people_arrived
from messaging.tapping import is_ours


@dataclass(frozen=True)
class Arrival:
    """Something a person did, as `people_arrived` tells it to the storey above.

    A tap on an answer under one of our messages is of the kind MESSAGE, as if its title had been
    written: channels tell of it in either way. One on anything else (an ice breaker, a menu) is a
    POSTBACK.
    """

    workspace_id: int
    channel_id: int
    contact_id: int
    event_id: int
    message_id: int | None
    kind: EventKind
    text: str
    reply_payload: str
    is_new_contact: bool
    happened_at: datetime


def _messages(them: Sequence[Applying]) -> dict[int, EventStatus]:
    """What people wrote, or tapped."""
    known = by_provider_id(them)
    fresh = [this for this in them if not _came_before(this, known)]
    rows = Message.objects.bulk_create([_inbound(this, known) for this in fresh])
    statuses = dict.fromkeys((this.event.pk for this in them), EventStatus.IGNORED)
    statuses |= dict.fromkeys((this.event.pk for this in fresh), EventStatus.APPLIED)
    arrivals = [
        (this, row)
        for this, row in zip(fresh, rows, strict=True)
        if this.identity.contact.status != ContactStatus.BLOCKED and not this.content.standby
    ]
    new = new_people([this for this, _ in arrivals])
    note_activity(fresh, introduced=[this for this, _ in arrivals])
    if arrivals:
        told = [_arrival(this, row, this.event.pk in new) for this, row in arrivals]
        people_arrived.send(sender=Event, arrivals=told)
    return statuses


def _came_before(this: Applying, known: Mapping[ProviderKey, str]) -> bool:
    """Whether this message came as another event (by way of another app, for instance).

    A tap may name the message of ours that it was made on.
    """
    direction = known.get(this.provider_key)
    on_ours = direction == Direction.OUTBOUND and this.event.kind == EventKind.POSTBACK
    return direction is not None and not on_ours


def _inbound(this: Applying, known: Mapping[ProviderKey, str]) -> Message:
    common = _common(this)
    if this.provider_key in known:
        common["provider_message_id"] = ""
    return Message(
        **common,
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        sent_at=this.event.happened_at,
    )


def _arrival(this: Applying, message: Message, is_new_contact: bool) -> Arrival:
    return Arrival(
        workspace_id=this.event.workspace_id,
        channel_id=this.event.channel_id,
        contact_id=this.identity.contact_id,
        event_id=this.event.pk,
        message_id=message.pk,
        kind=_kind(this),
        text=this.content.text,
        reply_payload=this.content.reply_payload,
        is_new_contact=is_new_contact,
        happened_at=this.event.happened_at,
    )


def _kind(this: Applying) -> EventKind:
    kind = EventKind(this.event.kind)
    tapped = this.content.reply_payload
    if kind == EventKind.POSTBACK and is_ours(
        this.event.channel_id, this.identity.contact_id, tapped
    ):
        return EventKind.MESSAGE
    return kind


def _echo(this: Applying) -> EventStatus:
    author = apply_echo(
        channel_id=this.event.channel_id,
        contact_id=this.identity.contact_id,
        provider_message_id=this.content.provider_message_id,
        content=this.content,
        happened_at=this.event.happened_at,
    )
    if author == Author.UNDECIDED:
        return EventStatus.RECORDED
    if author == Author.OWNERS:
        _typed_by_owner(this)
    return EventStatus.APPLIED


def _typed_by_owner(this: Applying) -> None:
    Message.objects.create(
        **_common(this),
        direction=Direction.OUTBOUND,
        stream=Stream.objects.get(channel=this.event.channel_id, kind=StreamKind.REPLIES),
        status=MessageStatus.SENT,
        sent_at=this.event.happened_at,
    )


def _common(this: Applying) -> dict[str, Any]:
    content = this.content
    first = content.attachments[0].message_type if content.attachments else None
    return {
        "workspace_id": this.event.workspace_id,
        "channel_id": this.event.channel_id,
        "contact_id": this.identity.contact_id,
        "message_type": first or (MessageType.TEXT if content.text else MessageType.OTHER),
        "text": content.text,
        "provider_message_id": content.provider_message_id,
        "content": {
            "attachments": [asdict(each) for each in content.attachments],
            "reply_payload": content.reply_payload,
        },
    }


def apply_reads(reads: Sequence[tuple[Event, int]]) -> dict[int, EventStatus]:
    """Receipts with the contacts who have read."""
    if not reads:
        return {}
    kinds = dict(
        Channel.objects.filter(pk__in={event.channel_id for event, _ in reads}).values_list(
            "pk", "kind"
        )
    )
    known = receipts.apply_reads(
        [
            Read(
                event.channel_id,
                contact_id,
                event.happened_at,
                CHANNELS[kinds[event.channel_id]]
                .read(EventKind.READ, event.payload)
                .provider_message_id,
            )
            for event, contact_id in reads
        ]
    )
    return {
        event.pk: EventStatus.APPLIED if is_known else EventStatus.RECORDED
        for (event, _), is_known in zip(reads, known, strict=True)
    }


def _reads(them: Sequence[Applying]) -> dict[int, EventStatus]:
    return apply_reads([(this.event, this.identity.contact_id) for this in them])


def _echoes(them: Sequence[Applying]) -> dict[int, EventStatus]:
    return {this.event.pk: _echo(this) for this in them}


# Kinds that are not here are recorded and not acted on.
HANDLERS: Mapping[EventKind, Callable[[Sequence[Applying]], Mapping[int, EventStatus]]] = {
    EventKind.MESSAGE: _messages,
    EventKind.POSTBACK: _messages,
    EventKind.ECHO: _echoes,
    EventKind.READ: _reads,
}
# The kinds that make a contact of a person who was not known.
MAKES_CONTACT = frozenset({EventKind.MESSAGE, EventKind.POSTBACK, EventKind.ECHO})
