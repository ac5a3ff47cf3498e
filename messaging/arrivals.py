"""What each kind of event comes to, once it is that event's turn.

A handler runs inside the transaction of `messaging.receiving`, with the identity row locked. It
returns what the event is now; `recorded` when it is too early to tell, and the event stands aside.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from messaging.channels.base import EventKind, InboundContent
from messaging.delivery.lookups import named
from messaging.delivery.receipts import Author, apply_echo, apply_read
from messaging.models import (
    Contact,
    ContactStatus,
    Direction,
    Event,
    EventStatus,
    Identity,
    Message,
    MessageStatus,
    MessageType,
    Stream,
    StreamKind,
)
from messaging.signals import person_arrived


@dataclass(frozen=True)
class Arrival:
    """Something a person did, as `person_arrived` tells it to the storey above."""

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


@dataclass(frozen=True)
class Applying:
    """An event at its turn."""

    event: Event
    content: InboundContent
    identity: Identity


def _message(this: Applying) -> EventStatus:
    if _is_known(this):
        return EventStatus.IGNORED
    message = Message.objects.create(
        **_common(this),
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        sent_at=this.event.happened_at,
    )
    _note_activity(this)
    if this.identity.contact.status != ContactStatus.BLOCKED and not this.content.standby:
        _tell(this, message)
    return EventStatus.APPLIED


def _tell(this: Applying, message: Message) -> None:
    arrival = Arrival(
        workspace_id=this.event.workspace_id,
        channel_id=this.event.channel_id,
        contact_id=this.identity.contact_id,
        event_id=this.event.pk,
        message_id=message.pk,
        kind=EventKind(this.event.kind),
        text=this.content.text,
        reply_payload=this.content.reply_payload,
        is_new_contact=_is_new(this),
        happened_at=this.event.happened_at,
    )
    if not this.identity.introduced:
        this.identity.introduced = True
        this.identity.save(update_fields=["introduced", "updated_at"])
    person_arrived.send(sender=Event, arrival=arrival)


def _is_new(this: Applying) -> bool:
    """Whether nothing was told of this person yet, and the owner had not written to them before.

    Echoes do not always come in order: what counts is when they were written.
    """
    if this.identity.introduced:
        return False
    written = Message.objects.filter(
        channel=this.event.channel_id,
        contact=this.identity.contact_id,
        direction=Direction.OUTBOUND,
        sent_at__lte=this.event.happened_at,
    )
    return not written.exists()


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


def _read(this: Applying) -> EventStatus:
    known = apply_read(
        channel_id=this.event.channel_id,
        contact_id=this.identity.contact_id,
        until=this.event.happened_at,
        provider_message_id=this.content.provider_message_id,
    )
    return EventStatus.APPLIED if known else EventStatus.RECORDED


def _is_known(this: Applying) -> bool:
    """Whether this message came before as another event (by way of another app, for instance)."""
    return named([this.event.channel_id], [this.content.provider_message_id]).exists()


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


def _note_activity(this: Applying) -> None:
    """The person has written: the window opens, and a contact counts as active again."""
    identity, contact, at = this.identity, this.identity.contact, this.event.happened_at
    if identity.last_inbound_at is None or identity.last_inbound_at < at:
        identity.last_inbound_at = at
        identity.save(update_fields=["last_inbound_at", "updated_at"])
    if contact.status == ContactStatus.INACTIVE:
        # Not saved with the rest: somebody may be blocking the contact at this moment.
        inactive = Contact.objects.filter(pk=contact.pk, status=ContactStatus.INACTIVE)
        inactive.update(status=ContactStatus.ACTIVE)
    news: dict[str, Any] = {}
    if contact.last_active_at is None or contact.last_active_at < at:
        news["last_active_at"] = at
    if this.content.username and contact.username != this.content.username:
        news["username"] = this.content.username[:150]
    if this.content.name and not contact.name:
        news["name"] = this.content.name[:200]
    for name, value in news.items():
        setattr(contact, name, value)
    if news:
        contact.save(update_fields=[*news, "updated_at"])


# Kinds that are not here are recorded and not acted on.
HANDLERS: Mapping[EventKind, Callable[[Applying], EventStatus]] = {
    EventKind.MESSAGE: _message,
    EventKind.ECHO: _echo,
    EventKind.READ: _read,
}
# The kinds that make a contact of a person who was not known.
MAKES_CONTACT = frozenset({EventKind.MESSAGE, EventKind.ECHO})
