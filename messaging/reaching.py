"""Whether a contact can be written to at the moment, channel by channel."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from messaging.channels import CHANNELS
from messaging.models import Channel, ChannelStatus, Contact, Identity


@dataclass(frozen=True)
class Reach:
    """How one channel knows a contact. `window` is `always`, `open` or `closed`."""

    channel: Channel
    identity: Identity
    window: str
    open_until: datetime | None = None

    @property
    def channel_works(self) -> bool:
        return self.channel.status == ChannelStatus.CONNECTED


def reaches_of(contact: Contact, now: datetime | None = None) -> list[Reach]:
    """The channels that know the contact, in the order in which they came to."""
    rows = contact.identities.select_related("channel").order_by("pk")
    return [_reach(each, now or timezone.now()) for each in rows]


def _reach(identity: Identity, now: datetime) -> Reach:
    channel = identity.channel
    length = CHANNELS[channel.kind].capabilities.window
    if length is None:
        return Reach(channel, identity, "always")
    wrote = identity.last_inbound_at
    until = wrote + length if wrote else None
    return Reach(channel, identity, "open" if until and until >= now else "closed", until)
