"""What is looked at between a claim and its call: may this message go out, and as which request?

Everything is loaded for all claimed rows at once; the queries do not grow with them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, FilteredRelation, Q

from media_library.models import MediaFile
from messaging.buttons import from_rows
from messaging.channels import CHANNELS
from messaging.channels.arranging import arranged
from messaging.channels.base import Account, ChannelType, Outcome, Outgoing, Verdict
from messaging.delivery.calling import Call
from messaging.delivery.files import Carried, carried
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.obstacles import Obstacle
from messaging.models import Channel, Contact, ContactStatus, Message, MessageType

log = structlog.get_logger(__name__)

# From the claim to the call. An older claim is handed back: a pause may lie between.
CALL_WITHIN = timedelta(seconds=2)
_NEEDS_FILE = frozenset({MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.FILE})
_NO_FILE = Carried("", "", 0)


_COLUMNS = (
    "pk",
    "story",
    "contact_id",
    "message_type",
    "text",
    "media_file_id",
    "buttons",
    "unconfirmed_at",
)


class Person(NamedTuple):
    """A contact as a channel knows them; without `external_id` it does not."""

    status: str
    external_id: str | None
    last_inbound_at: datetime | None


@dataclass(frozen=True)
class Sending:
    """What messages of one channel are judged by."""

    channel: Channel
    account: Account
    channel_type: ChannelType
    claimed_at: datetime
    people: Mapping[int, Person] = field(default_factory=dict)
    files: Mapping[int, MediaFile] = field(default_factory=dict)
    carried: dict[int, Carried | Obstacle] = field(default_factory=dict)

    def carries(self, media_file_id: int | None) -> Carried:
        """Found out once, however many messages a file goes out with. Raises Obstacle."""
        key = media_file_id or 0
        if key not in self.carried:
            self.carried[key] = _carried(self.channel.kind, self.files.get(key))
        found = self.carried[key]
        if isinstance(found, Obstacle):
            raise found
        return found


def _carried(kind: str, file: MediaFile | None) -> Carried | Obstacle:
    try:
        return carried(kind, file)
    except Obstacle as obstacle:
        return obstacle


class Judged(NamedTuple):
    """The calls to make, the news of what is not called for, and the stories of all."""

    calls: list[Call]
    changes: list[Change]
    stories: dict[int, UUID | None]


def judge(
    channel: Channel, account: Account, attempts: Sequence[Attempt], claimed_at: datetime
) -> Judged:
    by_id = {attempt.message_id: attempt for attempt in attempts}
    found = Message.objects.filter(pk__in=by_id).order_by("pk")
    messages: list[Any] = list(found.values_list(*_COLUMNS, named=True))
    people = _people(channel, {message.contact_id for message in messages})
    files = _files({message.media_file_id for message in messages} - {None})
    sending = Sending(channel, account, CHANNELS[channel.kind], claimed_at, people, files)
    judged = Judged([], [], {message.pk: message.story for message in messages})
    for message in messages:
        found_out = _judged(sending, message, by_id[message.pk])
        if isinstance(found_out, Call):
            judged.calls.append(found_out)
        else:
            judged.changes.append(found_out)
    return judged


def _people(channel: Channel, contact_ids: Collection[int]) -> dict[int, Person]:
    """Each contact as this channel knows them; of several identities, the one heard from last."""
    known = FilteredRelation("identities", condition=Q(identities__channel=channel))
    found = Contact.objects.filter(pk__in=contact_ids).annotate(known=known)
    latest_last = found.order_by(F("known__last_inbound_at").asc(nulls_first=True), "known__pk")
    columns = ("pk", "status", "known__external_id", "known__last_inbound_at")
    return {pk: Person(*rest) for pk, *rest in latest_last.values_list(*columns)}


def _files(ids: Collection[int]) -> dict[int, MediaFile]:
    if not ids:
        return {}
    return MediaFile.objects.select_related("blob").in_bulk(ids)


def _judged(sending: Sending, message: Any, attempt: Attempt) -> Call | Change:
    try:
        _check_time(message, sending.claimed_at)
        capabilities = sending.channel_type.capabilities
        outgoing = arranged(capabilities, _outgoing(sending, message))
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


def _check_time(message: Any, now: datetime) -> None:
    """A message that may be repeated is, but only for as long as the first attempt counts."""
    deadline = timedelta(seconds=settings.UNCONFIRMED_AFTER)
    if message.unconfirmed_at and message.unconfirmed_at + deadline < now:
        raise Obstacle("", "", news=News.OVERDUE)


def _outgoing(sending: Sending, message: Any) -> Outgoing:
    person = sending.people[message.contact_id]
    _check_person(sending, person)
    file = _file(sending, message)
    return Outgoing(
        message_id=message.pk,
        to=person.external_id or "",
        message_type=MessageType(message.message_type),
        text=message.text,
        media_url=file.url,
        mime_type=file.mime_type,
        size=file.size,
        buttons=from_rows(message.buttons),
    )


def _check_person(sending: Sending, person: Person) -> None:
    if person.status == ContactStatus.BLOCKED:
        raise Obstacle("contact_blocked", "This contact is blocked.")
    if person.status != ContactStatus.ACTIVE:
        raise Obstacle("contact_inactive", "This contact is not active.")
    if person.external_id is None:
        raise Obstacle("no_identity", "This contact is not known on this channel.")
    window = sending.channel_type.capabilities.window
    if window is None:
        return
    wrote = person.last_inbound_at
    if wrote is None or wrote + window < sending.claimed_at:
        hours = int(window.total_seconds() // 3600)
        raise Obstacle(
            "outside_window",
            f"This person has not written within the last {hours} hours; wait for a message.",
            retryable=True,
        )


def _file(sending: Sending, message: Any) -> Carried:
    if message.message_type not in _NEEDS_FILE:
        return _NO_FILE
    return sending.carries(message.media_file_id)
