"""A contact's conversation as people read it: both directions, each message with its story.

Pages are cut by id, newest first, and every page costs the same. What the storey above knows of a
message – which scenario made it – comes through `STORYTELLERS`.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from inro.common.registry import Registry
from media_library.models import MediaFile, MediaStatus
from media_library.serving import url_of
from messaging.models import Contact, Direction, Message, MessageStatus, MessageType
from messaging.reasons import Reason, reason_of
from messaging.states import status_badge

PAGE = 30

_GONE = "The file is no longer in the library."


@dataclass(frozen=True)
class Origin:
    """What made a message."""

    title: str
    url: str


@dataclass(frozen=True)
class Storyteller:
    """`tell` names the origins of those of the given stories that it knows, in bulk."""

    name: str
    tell: Callable[[Collection[UUID]], Mapping[UUID, Origin]]


STORYTELLERS: Registry[Storyteller] = Registry("storytellers", key=lambda each: each.name)


@dataclass(frozen=True)
class ShownFile:
    """A file of the library at an address of this server; without one, `note` says why."""

    kind: str
    name: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class Link:
    """Something elsewhere. `url` is empty when it is no address that may be followed."""

    title: str
    url: str


@dataclass(frozen=True)
class Moment:
    title: str
    at: datetime


@dataclass(frozen=True)
class Bubble:
    """One message, with all that its bubble shows."""

    message: Message
    origin: Origin | None = None

    @property
    def is_ours(self) -> bool:
        return self.message.direction == Direction.OUTBOUND

    @property
    def badge(self) -> SafeString:
        return status_badge(self.message.status)

    @property
    def reason(self) -> Reason | None:
        return reason_of(self.message.error_code, self.message.error_message)

    @property
    def is_waiting(self) -> bool:
        """Whether the reason is that of a try that will be repeated."""
        return self.message.status == MessageStatus.QUEUED

    @property
    def at(self) -> datetime:
        return self.message.sent_at or self.message.created_at

    @property
    def moments(self) -> list[Moment]:
        message = self.message
        known = (
            ("Queued" if self.is_ours else "Recorded", message.created_at),
            ("Last tried", message.attempted_at),
            ("Sent" if self.is_ours else "Written", message.sent_at),
            ("Delivered", message.delivered_at),
            ("Read", message.read_at),
        )
        return [Moment(title, at) for title, at in known if at]

    @property
    def file(self) -> ShownFile | None:
        message = self.message
        if message.media_file:
            return shown_file(message.media_file)
        if self.is_ours and message.message_type not in (MessageType.TEXT, MessageType.OTHER):
            is_share = message.message_type == MessageType.SHARE
            note = "A shared post" if is_share else _GONE
            return ShownFile("", "", note=note)
        return None

    @property
    def attachments(self) -> list[Link]:
        """What the person sent: it stays at the provider, whose addresses may expire."""
        found = self.message.content.get("attachments") if self._has_content else None
        rows = found if isinstance(found, list) else []
        return [
            _link(str(row.get("message_type") or "file").capitalize(), row.get("url"))
            for row in rows
            if isinstance(row, dict)
        ]

    @property
    def tapped(self) -> str:
        return str(self.message.content.get("reply_payload") or "") if self._has_content else ""

    @property
    def buttons(self) -> list[Link]:
        rows: Any = self.message.buttons if isinstance(self.message.buttons, list) else []
        return [
            _link(str(row.get("title") or ""), row.get("url"))
            for row in rows
            if isinstance(row, dict)
        ]

    @property
    def is_unknown(self) -> bool:
        """Whether there is nothing to show but the fact that something came."""
        shown = self.message.text or self.file or self.attachments or self.tapped
        return not shown

    @property
    def mark(self) -> str:
        """The message and its present state: what differs has to be shown anew."""
        row = self.message
        state = (row.status, row.attempts, row.error_code, row.updated_at, row.read_at)
        file = row.media_file.status if row.media_file else ""
        return f"{row.pk}.{zlib.crc32(f'{state}{file}'.encode()):08x}"

    @property
    def _has_content(self) -> bool:
        return isinstance(self.message.content, dict)


def shown_file(file: MediaFile) -> ShownFile:
    if file.status == MediaStatus.DELETED:
        return ShownFile(file.media_type, str(file), note=_GONE)
    if file.status != MediaStatus.READY:
        pending = file.status == MediaStatus.PENDING
        why = file.error_message or "The file could not be downloaded."
        note = "The file is still being downloaded." if pending else why
        return ShownFile(file.media_type, str(file), note=note)
    address = urlsplit(url_of(file))
    # From this server, by whatever name the operator's browser reaches it.
    return ShownFile(file.media_type, str(file), address.path)


def _link(title: str, url: object) -> Link:
    text = url if isinstance(url, str) else ""
    return Link(title, text if text.lower().startswith(("https://", "http://")) else "")


@dataclass(frozen=True)
class Page:
    """Some messages, oldest first; `older_than` is where the page before it ends."""

    bubbles: list[Bubble]
    older_than: int | None


def read_page(contact: Contact, before: int | None = None) -> Page:
    """The newest messages, or those before the message `before`."""
    rows = _rows(contact)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    older = found[PAGE - 1].pk if len(found) > PAGE else None
    return Page(_bubbles(reversed(found[:PAGE])), older)


@dataclass(frozen=True)
class News:
    """What a page that shows some messages does not show yet."""

    added: list[Bubble]
    changed: list[Bubble]


def news_since(contact: Contact, marks: Collection[str]) -> News | None:
    """What is new to somebody who sees the messages of `marks`; None when it is too much to tell.

    Not all that is new has a greater id: two transactions may commit the other way round.
    """
    newest = read_page(contact).bubbles
    seen = {mark.partition(".")[0]: mark for mark in marks}
    first = min((int(pk) for pk in seen if pk.isdecimal()), default=0)
    added = [each for each in newest if str(each.message.pk) not in seen]
    added = [each for each in added if each.message.pk > first]
    changed = [each for each in newest if seen.get(str(each.message.pk), each.mark) != each.mark]
    too_much = len(added) == PAGE or len(marks) > 5 * PAGE
    return None if too_much else News(added, changed)


def _rows(contact: Contact) -> "QuerySet[Message]":
    rows = contact.messages.select_related("media_file__blob", "channel")
    return rows.order_by("-pk")


def _bubbles(messages: Iterable[Message]) -> list[Bubble]:
    messages = list(messages)
    stories = {message.story for message in messages if message.story}
    origins: dict[UUID, Origin] = {}
    for teller in STORYTELLERS if stories else ():
        origins.update(teller.tell(stories))
    return [
        Bubble(message, origins.get(message.story) if message.story else None)
        for message in messages
    ]
