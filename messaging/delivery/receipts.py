"""What providers tell us of messages that are out: echoes and read receipts.

Both come while our own call may still be under way, and for messages whose answer we never got.
The order of looking matters: first whether anything of the contact is unsettled, then for the id.
The other way round, a verdict written in between would make our own message look like the owner's.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils import timezone

from inro.common.folding import fold
from messaging.channels.base import InboundContent, Outcome, Verdict
from messaging.delivery.lookups import named
from messaging.delivery.moves import DELIVERY_UNKNOWN, Change, News
from messaging.delivery.settle import settle
from messaging.models import Direction, Message, MessageStatus, MessageType

# Longer than providers repeat a webhook that was not taken.
LATE_ECHO = timedelta(hours=48)
MANY = 500
_UNSETTLED = (MessageStatus.SENDING, MessageStatus.UNCONFIRMED)
_OUT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


class Author(StrEnum):
    """Whose message an echo shows."""

    OURS = "ours"  # it is on record, whoever wrote it: nothing is left to do
    OWNERS = "owners"  # typed in the provider's app, and not on record yet
    UNDECIDED = "undecided"  # a message of ours has no answer yet: ask again later


def apply_echo(
    channel_id: int,
    contact_id: int,
    provider_message_id: str,
    content: InboundContent,
    happened_at: datetime,
) -> Author:
    """Settle the message that an echo shows, if it is one of ours.

    The caller holds the contact's identity row locked.
    """
    ours = Message.objects.filter(
        channel=channel_id, contact=contact_id, direction=Direction.OUTBOUND
    )
    unsettled = ours.filter(status__in=_UNSETTLED).exists()
    if named([channel_id], [provider_message_id]).exists():
        return Author.OURS
    seen = Verdict(Outcome.ACCEPTED, provider_message_id=provider_message_id)
    for message_id in _alike(ours, content):
        settle([Change(message_id, News.CONFIRMED, verdict=seen, at=happened_at)])
        # Between the look and the lock its own answer may have come, with another id.
        if ours.filter(pk=message_id, provider_message_id=provider_message_id).exists():
            return Author.OURS
    return Author.UNDECIDED if unsettled else Author.OWNERS


def _alike(ours: "QuerySet[Message]", content: InboundContent) -> list[int]:
    """Called messages without an id that look like the echo: oldest first, given-up ones last."""
    waiting = Q(status__in=(MessageStatus.UNCONFIRMED, *_OUT))
    given_up = Q(status=MessageStatus.FAILED, error_code=DELIVERY_UNKNOWN)
    attachment = next(iter(content.attachments), None)
    candidates = ours.filter(
        waiting | given_up,
        provider_message_id="",
        attempted_at__gt=timezone.now() - LATE_ECHO,
        message_type=attachment.message_type if attachment else MessageType.TEXT,
    )
    text = fold(content.text)
    alike = [row for row in candidates.order_by("pk") if fold(row.text) == text]
    alike.sort(key=lambda row: row.status == MessageStatus.FAILED)
    return [row.pk for row in alike]


def apply_read(
    channel_id: int,
    contact_id: int,
    until: datetime,
    provider_message_id: str = "",
) -> bool:
    """Mark what the person has read: everything up to the named message, else up to `until`.

    False when the message is not known while one of ours has no answer yet: try again later.
    """
    ours = Message.objects.filter(
        channel=channel_id, contact=contact_id, direction=Direction.OUTBOUND
    )
    unsettled = ours.filter(status__in=_UNSETTLED).exists()
    message = named([channel_id], [provider_message_id]).first()
    if provider_message_id and message is None and unsettled:
        return False
    seen = Q(pk__lte=message.pk) if message else Q(sent_at__lte=until)
    unread = ours.filter(seen, status__in=(MessageStatus.SENT, MessageStatus.DELIVERED))
    _mark_read(unread.order_by("-pk").values_list("pk", flat=True)[:MANY], until)
    return True


def _mark_read(ids: Iterable[int], at: datetime) -> None:
    changes = [Change(pk, News.READ, at=at) for pk in ids]
    if changes:
        settle(changes)
