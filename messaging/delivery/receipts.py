"""What providers tell us of messages that are out: echoes and read receipts.

Both come while our own call may still be under way, and for messages whose answer we never got.
The order of looking matters: first whether anything of the contact is unsettled, then for the id.
The other way round, a verdict written in between would make our own message look like the owner's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils import timezone

from inro.common.folding import fold
from messaging.buttons import from_rows
from messaging.channels import CHANNELS
from messaging.channels.arranging import arranged
from messaging.channels.base import InboundContent, Outcome, Outgoing, Verdict
from messaging.delivery.consequences import DELIVERY_UNKNOWN
from messaging.delivery.lookups import named
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle
from messaging.models import Direction, Message, MessageStatus, MessageType

# Longer than providers repeat a webhook that was not taken.
LATE_ECHO = timedelta(hours=48)
MANY = 500
_UNSETTLED = (MessageStatus.SENDING, MessageStatus.UNCONFIRMED)
_NAMED_BY = ("channel_id", "provider_message_id")
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
    # A template's echo may come without its text.
    alike = [
        row
        for row in candidates.select_related("channel").order_by("pk")
        if fold(_as_sent(row)) == text or (row.buttons and not text)
    ]
    alike.sort(key=lambda row: row.status == MessageStatus.FAILED)
    return [row.pk for row in alike]


def _as_sent(row: Message) -> str:
    """The text as it went out: with the buttons that the channel could not show."""
    if not row.buttons:
        return row.text
    capabilities = CHANNELS[row.channel.kind].capabilities
    kind, buttons = MessageType(row.message_type), from_rows(row.buttons)
    return arranged(capabilities, Outgoing(row.pk, "", kind, row.text, buttons=buttons)).text


@dataclass(frozen=True)
class Read:
    """A person has read: everything up to the named message, else up to `until`."""

    channel_id: int
    contact_id: int
    until: datetime
    provider_message_id: str = ""


def apply_reads(reads: Sequence[Read]) -> list[bool]:
    """Mark what was read.

    False for one that names a message which is not known while one of ours has no answer yet: try
    it again later.
    """
    unsettled = _unsettled(reads)
    by_id = _named(reads)
    changes: dict[int, Change] = {}
    known = []
    for read in reads:
        message_id = by_id.get((read.channel_id, read.provider_message_id))
        waits = (read.channel_id, read.contact_id) in unsettled
        known.append(not (read.provider_message_id and message_id is None and waits))
        for pk in _unread(read, message_id) if known[-1] else ():
            changes.setdefault(pk, Change(pk, News.READ, at=read.until))
    if changes:
        settle(list(changes.values()))
    return known


def _unsettled(reads: Sequence[Read]) -> set[tuple[int, int]]:
    """The channels and contacts with a message of ours that has no answer yet."""
    rows = Message.objects.filter(
        channel__in={read.channel_id for read in reads},
        contact__in={read.contact_id for read in reads},
        direction=Direction.OUTBOUND,
        status__in=_UNSETTLED,
    )
    return set(rows.order_by().values_list("channel_id", "contact_id").distinct())


def _named(reads: Sequence[Read]) -> dict[tuple[int, str], int]:
    ids = {read.provider_message_id for read in reads} - {""}
    rows = named({read.channel_id for read in reads}, ids)
    return {(row[0], row[1]): row[2] for row in rows.values_list(*_NAMED_BY, "pk")}


def _unread(read: Read, message_id: int | None) -> Iterable[int]:
    seen = Q(pk__lte=message_id) if message_id else Q(sent_at__lte=read.until)
    rows = Message.objects.filter(
        seen,
        channel=read.channel_id,
        contact=read.contact_id,
        direction=Direction.OUTBOUND,
        status__in=(MessageStatus.SENT, MessageStatus.DELIVERED),
    )
    return rows.order_by("-pk").values_list("pk", flat=True)[:MANY]
