from messaging.models.channels import Channel, ChannelStatus, Pump, Stream, StreamKind, StreamState
from messaging.models.contacts import Contact, ContactStatus, Identity
from messaging.models.events import Event, EventStatus
from messaging.models.messages import OPEN, Direction, Message, MessageStatus, MessageType

__all__ = [
    "OPEN",
    "Channel",
    "ChannelStatus",
    "Contact",
    "ContactStatus",
    "Direction",
    "Event",
    "EventStatus",
    "Identity",
    "Message",
    "MessageStatus",
    "MessageType",
    "Pump",
    "Stream",
    "StreamKind",
    "StreamState",
]
