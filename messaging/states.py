"""How the states of channels, contacts, messages and events look to people."""

from collections.abc import Mapping

from django.utils.safestring import SafeString

from inro.common.badges import Tone, badge
from messaging.models import ChannelStatus, ContactStatus, EventStatus, MessageStatus

TONES: Mapping[str, Tone] = {
    MessageStatus.RECEIVED: Tone.GOOD,
    MessageStatus.SCHEDULED: Tone.BUSY,
    MessageStatus.PREPARING: Tone.BUSY,
    MessageStatus.QUEUED: Tone.BUSY,
    MessageStatus.SENDING: Tone.BUSY,
    MessageStatus.UNCONFIRMED: Tone.WARN,
    MessageStatus.SENT: Tone.GOOD,
    MessageStatus.DELIVERED: Tone.GOOD,
    MessageStatus.READ: Tone.GOOD,
    MessageStatus.FAILED: Tone.BAD,
    MessageStatus.CANCELED: Tone.QUIET,
    MessageStatus.SKIPPED: Tone.QUIET,
    ChannelStatus.CONNECTED: Tone.GOOD,
    ChannelStatus.ERROR: Tone.BAD,
    ChannelStatus.PAUSED: Tone.WARN,
    ContactStatus.ACTIVE: Tone.GOOD,
    ContactStatus.INACTIVE: Tone.QUIET,
    ContactStatus.BLOCKED: Tone.BAD,
    EventStatus.RECORDED: Tone.BUSY,
    EventStatus.APPLIED: Tone.GOOD,
    EventStatus.IGNORED: Tone.QUIET,
    EventStatus.UNROUTED: Tone.WARN,
    EventStatus.FAILED: Tone.BAD,
}


def status_badge(status: str) -> SafeString:
    return badge(status.capitalize(), TONES.get(status, Tone.QUIET))
