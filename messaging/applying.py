"""An event at its turn, and the person whom it is of."""

from collections.abc import Sequence
from dataclasses import dataclass

from messaging.channels.base import InboundContent
from messaging.delivery.lookups import named
from messaging.models import Contact, Event, Identity

# A channel and its provider's id of a message.
ProviderKey = tuple[int, str]


@dataclass(frozen=True)
class Applying:
    """An event at its turn; its identity is held."""

    event: Event
    content: InboundContent
    identity: Identity
    is_met: bool = False  # by this event: nothing is on record of this person

    @property
    def provider_key(self) -> ProviderKey:
        return self.event.channel_id, self.content.provider_message_id


def meet(events: Sequence[tuple[Event, InboundContent]]) -> list[Applying]:
    """Make contacts of the people who did this; none is known by now."""
    if not events:
        return []
    contacts = [
        Contact(
            workspace_id=event.workspace_id,
            name=content.name[:200],
            username=content.username[:150],
        )
        for event, content in events
    ]
    for contact in contacts:
        contact.fold_names()
    Contact.objects.bulk_create(contacts)
    identities = [
        Identity(
            workspace_id=event.workspace_id,
            contact=contact,
            channel_id=event.channel_id,
            external_id=event.external_id,
        )
        for (event, _), contact in zip(events, contacts, strict=True)
    ]
    Identity.objects.bulk_create(identities)
    return [
        Applying(event, content, identity, is_met=True)
        for (event, content), identity in zip(events, identities, strict=True)
    ]


def by_provider_id(them: Sequence[Applying]) -> dict[ProviderKey, str]:
    """Which way the messages went that are known already by the ids that `them` name."""
    keys = [this.provider_key for this in them if this.content.provider_message_id]
    if not keys:
        return {}
    rows = named({key[0] for key in keys}, {key[1] for key in keys})
    found = rows.values_list("channel_id", "provider_message_id", "direction")
    return {(channel_id, mid): direction for channel_id, mid, direction in found}
