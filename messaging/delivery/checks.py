"""What is looked at between a claim and its call: may this message go out, and as which request?

Everything is loaded for all claimed rows at once; the queries do not grow with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F

from media_library.models import MediaFile, MediaStatus
from media_library.serving import url_of
from messaging.channels import CHANNELS
from messaging.channels.base import Account, ChannelType, Outcome, Outgoing, Verdict
from messaging.delivery.calling import Call
from messaging.delivery.moves import Attempt, Change, News
from messaging.models import Channel, Contact, ContactStatus, Identity, Message, MessageType

log = structlog.get_logger(__name__)

# From the claim to the call. An older claim is handed back: a pause may lie between.
CALL_WITHIN = timedelta(seconds=2)
_NEEDS_FILE = frozenset({MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.FILE})


@dataclass(frozen=True)
class Sending:
    """What messages of one channel are judged by."""

    channel: Channel
    account: Account
    channel_type: ChannelType
    claimed_at: datetime


class Obstacle(Exception):
    """Why a message does not go out now; `news` is REFUSED unless it may go out later."""

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, news: News = News.REFUSED
    ) -> None:
        super().__init__(code)
        self.news = news
        self.verdict = Verdict(Outcome.REFUSED, code=code, message=message, retryable=retryable)


def judge(
    channel: Channel, account: Account, attempts: Sequence[Attempt], claimed_at: datetime
) -> tuple[list[Call], list[Change]]:
    """The calls to make, and the news of the messages that are not called for."""
    sending = Sending(channel, account, CHANNELS[channel.kind], claimed_at)
    by_id = {attempt.message_id: attempt for attempt in attempts}
    rows = Message.objects.filter(pk__in=by_id).select_related("contact", "media_file__blob")
    messages = list(rows.defer("content").order_by("pk"))
    identities = _identities(channel, [message.contact_id for message in messages])
    calls: list[Call] = []
    changes: list[Change] = []
    for message in messages:
        found = _judged(sending, message, by_id[message.pk], identities.get(message.contact_id))
        if isinstance(found, Call):
            calls.append(found)
        else:
            changes.append(found)
    return calls, changes


def _identities(channel: Channel, contact_ids: list[int]) -> dict[int, Identity]:
    """The identity of each contact on this channel; of several, the one heard from last."""
    found = Identity.objects.filter(channel=channel, contact_id__in=contact_ids)
    latest_last = found.order_by(F("last_inbound_at").asc(nulls_first=True), "pk")
    return {identity.contact_id: identity for identity in latest_last}


def _judged(
    sending: Sending, message: Message, attempt: Attempt, identity: Identity | None
) -> Call | Change:
    try:
        _check_time(message, sending.claimed_at)
        outgoing = _outgoing(sending, message, identity)
        if refusal := sending.channel_type.refusal(outgoing):
            return attempt.is_(News.REFUSED, refusal)
        request = sending.channel_type.request(sending.account, outgoing)
        if request is None:
            return attempt.is_(News.DELIVERED)
        return Call.of(attempt, request, sending.claimed_at + CALL_WITHIN)
    except Obstacle as obstacle:
        return attempt.is_(obstacle.news, obstacle.verdict)
    except Exception as error:
        # One message that cannot be built must not hold up the others.
        log.error("message not built", message=message.pk, error=type(error).__name__)
        verdict = Verdict(
            Outcome.REFUSED,
            code="request_invalid",
            message="No valid request could be made of this message and the channel's settings.",
        )
        return attempt.is_(News.REFUSED, verdict)


def _check_time(message: Message, now: datetime) -> None:
    """A message that may be repeated is, but only for as long as the first attempt counts."""
    deadline = timedelta(seconds=settings.UNCONFIRMED_AFTER)
    if message.unconfirmed_at and message.unconfirmed_at + deadline < now:
        raise Obstacle("", "", news=News.OVERDUE)


def _outgoing(sending: Sending, message: Message, identity: Identity | None) -> Outgoing:
    _check_contact(message.contact)
    if identity is None:
        raise Obstacle("no_identity", "This contact is not known on this channel.")
    _check_window(sending, identity)
    file = _file(message)
    return Outgoing(
        message_id=message.pk,
        to=identity.external_id,
        message_type=MessageType(message.message_type),
        text=message.text,
        media_url=url_of(file) if file else "",
        mime_type=file.file_type.mime_type if file and file.file_type else "",
        size=file.blob.size if file and file.blob else 0,
    )


def _check_contact(contact: Contact) -> None:
    if contact.status == ContactStatus.BLOCKED:
        raise Obstacle("contact_blocked", "This contact is blocked.")
    if contact.status != ContactStatus.ACTIVE:
        raise Obstacle("contact_inactive", "This contact is not active.")


def _check_window(sending: Sending, identity: Identity) -> None:
    window = sending.channel_type.capabilities.window
    if window is None:
        return
    wrote = identity.last_inbound_at
    if wrote is None or wrote + window < sending.claimed_at:
        hours = int(window.total_seconds() // 3600)
        raise Obstacle(
            "outside_window",
            f"This person has not written within the last {hours} hours; wait for a message.",
            retryable=True,
        )


def _file(message: Message) -> MediaFile | None:
    if message.message_type not in _NEEDS_FILE:
        return None
    file = message.media_file
    if file is None:
        raise Obstacle("media_deleted", "The file of this message was deleted.")
    if file.status == MediaStatus.PENDING:
        raise Obstacle("media_pending", "The file is still being fetched.", news=News.MEDIA_PENDING)
    if file.status == MediaStatus.FAILED:
        raise Obstacle("media_failed", file.error_message or "The file could not be fetched.")
    return file
